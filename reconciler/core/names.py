"""Names of objects made from words of people: file names, host names, names in other programs."""

from __future__ import annotations

import re
from collections.abc import Collection

LONGEST = 63


def folded(words: str, *, otherwise: str = "model") -> str:
    """The nearest name that manifests allow."""
    plain = re.sub(r"[^a-z0-9.]+", "-", words.casefold())
    return plain.strip("-.")[:LONGEST].strip("-.") or otherwise


def unused(name: str, taken: Collection[str]) -> str:
    """The name, with a number behind it where it is taken."""
    found, number = name, 1
    while found in taken:
        number += 1
        ending = f"-{number}"
        found = name[: LONGEST - len(ending)].rstrip("-.") + ending
    return found
