"""Columns for people: aligned, without borders, without trailing spaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reconciler.cli.terminals import printable, text_width

GAP = "   "
NOTHING = "-"


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """One line per row below the headings; an empty cell shows a dash, so that columns can be counted."""
    lines = [tuple(headings), *(tuple(printable(cell) or NOTHING for cell in row) for row in rows)]
    widths = [max(map(text_width, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_line(cells, widths) for cells in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - text_width(cell)) for cell, width in zip(cells, widths, strict=True))
    return GAP.join(padded).rstrip()
