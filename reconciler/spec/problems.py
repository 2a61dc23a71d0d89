"""One thing that is wrong with one object, before it is known where in which file that stands.

Every check (schema, references, argument policy, machine) speaks in Problems; `spec.diagnostics` gives them
a file, a line and a column.
"""

from __future__ import annotations

import re
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
_WORD = re.compile(r"[\w-]+")
_SECRET_WORDS = frozenset({"hft", "key"})
_SECRET_ENDINGS = (
    *("token", "secret", "password", "passwd", "passphrase"),
    *("apikey", "accesskey", "secretkey"),
)


def holds_secret(path: FieldPath) -> bool:
    """Whether what stands at `path` must not be repeated in messages and excerpts."""
    named = "env" in path or "args" in path
    return not _SECRET_KEYS.isdisjoint(path) or (named and looks_secret(str(path[-1])))


def names_secret(line: str) -> bool:
    """Whether a line of a manifest may hold a secret, whatever else on it is wrong."""
    return any(map(looks_secret, _WORD.findall(line)))


def looks_secret(name: str) -> bool:
    """Whether a variable or an option of this name usually holds a secret, however it is spelled."""
    folded = "".join(char for char in name.lower() if char.isalnum())
    return folded in _SECRET_WORDS or folded.endswith(_SECRET_ENDINGS)
