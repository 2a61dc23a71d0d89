"""What the policy accepted: settings for `emission`, files for the host to confine, the child's own variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reconciler.core.arguments.options import Kind, Option, Tier
from reconciler.core.arguments.values import Value, is_path_like
from reconciler.spec.problems import FieldPath, Problem, Severity


@dataclass(frozen=True, slots=True)
class Setting:
    """One accepted option. `path` is where it was written."""

    option: Option
    value: Value
    path: FieldPath


@dataclass(frozen=True, slots=True)
class PathUse:
    """A file that a setting names: the host resolves and confines it. `text` is as written."""

    path: FieldPath
    option: str
    text: str
    suffixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    problems: tuple[Problem, ...]
    settings: tuple[Setting, ...]
    env: Mapping[str, str]
    paths: tuple[PathUse, ...]

    @property
    def ok(self) -> bool:
        return all(problem.severity is not Severity.ERROR for problem in self.problems)


def overlay(below: Sequence[Setting], above: Sequence[Setting]) -> tuple[Setting, ...]:
    """A Runtime's settings under a deployment's: the deployment's replace those of the same option."""
    replaced = {setting.option.name for setting in above}
    return (*(setting for setting in below if setting.option.name not in replaced), *above)


def with_files(settings: Sequence[Setting], found: Mapping[PathUse, str]) -> tuple[Setting, ...]:
    """The settings with the host's absolute paths in place of those that were written."""
    paths: dict[FieldPath, dict[object, str]] = {}
    for use, path in found.items():
        paths.setdefault(use.path, {})[use.text] = path
    return tuple(
        replace(setting, value=_replaced(setting.value, paths[setting.path]))
        if setting.path in paths
        else setting
        for setting in settings
    )


def _replaced(value: Any, paths: Mapping[object, str]) -> Any:
    if isinstance(value, tuple):
        return tuple(_replaced(item, paths) for item in value)
    return paths.get(value, value)


def paths_of(setting: Setting) -> tuple[PathUse, ...]:
    """Every file that a setting names."""
    option = setting.option
    if option.kind in (Kind.PATH, Kind.SCALED_PATH):
        texts = [item for item in flat(setting.value) if isinstance(item, str)]
    elif option.tier is Tier.UNKNOWN:
        texts = [item for item in flat(setting.value) if isinstance(item, str) and is_path_like(item)]
    else:
        texts = []
    return tuple(PathUse(setting.path, option.name, text, option.suffixes) for text in texts)


def flat(value: Value) -> list[object]:
    if not isinstance(value, tuple):
        return [value]
    return [part for item in value for part in (item if isinstance(item, tuple) else (item,))]
