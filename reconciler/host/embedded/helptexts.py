"""`--help` in llama-server's layout, so that one parser reads the options of every engine."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from reconciler.host.embedded.options import Option
from reconciler.host.embedded.tables import SECTIONS

COLUMN = 40
WIDTH = 70


def help_text() -> str:
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    for title, options in SECTIONS.items():
        yield f"----- {title} -----"
        yield ""
        for option in options:
            yield from _entry(option)
        yield ""
        yield ""


def _entry(option: Option) -> Iterator[str]:
    names = _names(option)
    doc = [line for part in option.doc.splitlines() for line in textwrap.wrap(part, WIDTH) or [""]]
    if len(names) < COLUMN:
        yield f"{names:<{COLUMN}}{doc.pop(0)}"
    else:
        yield names
    for line in doc:
        yield " " * COLUMN + line


def _names(option: Option) -> str:
    first, *others = (*option.names, *option.negative)
    # The first name stands in a column of its own where another follows it.
    listed = f"{first + ',':<6} " + ", ".join(others) if others else first
    return f"{listed} {option.metavar}".rstrip()
