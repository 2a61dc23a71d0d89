"""One thing that is wrong with one object, before it is known where in which file that stands.

Every check (schema, references, argument policy, machine) speaks in Problems; `spec.diagnostics` gives them
a file, a line and a column.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FieldPath = tuple[str | int, ...]


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """`path` leads into the object: ("spec", "args", "ngl"). `at_key` points at the key, not at its value."""

    path: FieldPath
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR
    at_key: bool = False


def warning(path: FieldPath, message: str, hint: str = "", *, at_key: bool = False) -> Problem:
    return Problem(path=path, message=message, hint=hint, severity=Severity.WARNING, at_key=at_key)


def shown(text: str) -> str:
    """A text of a manifest, short enough for a message."""
    return text if len(text) <= 60 else f"{text[:57]}..."


#: Under these keys a value may be a secret that somebody wrote in the wrong place.
_SECRET_KEYS = frozenset({"secretEnv", "keys"})


def holds_secret(path: FieldPath) -> bool:
    """Whether what stands at `path` must not be repeated in messages and excerpts."""
    return not _SECRET_KEYS.isdisjoint(path) or ("env" in path and looks_secret(str(path[-1])))


def looks_secret(name: str) -> bool:
    """Whether a variable of this name usually holds a secret."""
    return name.upper().endswith(("TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "ACCESS_KEY"))
