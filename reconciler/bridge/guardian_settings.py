"""What models.yaml says beside the models: pinning, idle unload and who may switch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reconciler.spec.nodes import Document, to_data
from reconciler.spec.nodes import Mapping as MappingNode
from reconciler.spec.problems import FieldPath, Problem, warning
from reconciler.spec.shapes import nearest

_KEYS = ("pinned_model", "switch_allowlist", "idle_unload_minutes", "aliases")


@dataclass(frozen=True, slots=True)
class Settings:
    """`idle_unload` as manifests write it; empty where Guardian says nothing."""

    pinned: str = ""
    pinned_at: FieldPath = ()
    idle_unload: str = ""
    problems: tuple[Problem, ...] = field(default=())


def read_settings(document: Document) -> Settings:
    """The section `guardian:`; early versions had its keys at the top."""
    values, problems = dict[str, tuple[FieldPath, Any]](), list[Problem]()
    for section in ((), ("guardian",)):
        node = document.find(section)
        for entry in node.entries if isinstance(node, MappingNode) else ():
            at = (*section, entry.key)
            if entry.key in _KEYS and entry.key != "aliases":
                values[entry.key] = (at, to_data(entry.node))
            elif section and entry.key not in _KEYS:
                guess = nearest(entry.key, _KEYS)
                hint = f"did you mean {guess}?" if guess else ""
                problems.append(
                    warning(at, "is left out: reconciler does not know this key", hint, at_key=True)
                )
    at, minutes = values.get("idle_unload_minutes", ((), None))
    idle, trouble = _idle(minutes)
    if trouble:
        problems.append(Problem(at, trouble, "such as 5"))
    problems += _allowlist(*values.get("switch_allowlist", ((), None)))
    pinned_at, pinned = values.get("pinned_model", ((), None))
    return Settings(str(pinned or ""), pinned_at, idle, tuple(problems))


def _idle(minutes: object) -> tuple[str, str]:
    if minutes is None:
        return "", ""
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or minutes < 0:
        return "", "must be a number of minutes"
    if minutes == 0:
        return "never", ""
    seconds = max(1, round(minutes * 60))
    return (f"{seconds // 60}m" if seconds % 60 == 0 else f"{seconds}s"), ""


def _allowlist(at: FieldPath, names: object) -> list[Problem]:
    if not names:
        return []
    listed = ", ".join(map(str, names)) if isinstance(names, tuple) else str(names)
    hint = (
        "`reconciler keys new NAME` for each; spec.models.start of a Client names the models that it may load"
    )
    return [warning(at, f"is left out: {listed} need keys here before they can be told apart", hint)]
