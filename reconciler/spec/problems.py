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
