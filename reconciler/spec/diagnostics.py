"""Diagnostics: problems with a place. One line for machines and logs, an excerpt with a caret for people."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.spec.nodes import Document, Mark
from reconciler.spec.problems import FieldPath, Problem, Severity, holds_secret, names_secret, shown
from reconciler.spec.texts import TextProblem

_WIDEST = 160


@dataclass(frozen=True, slots=True, order=True)
class Diagnostic:
    """Ordered by place, so that the same tree always prints the same list."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str
    severity: Severity
    excerpt: str = ""
    #: How many characters of the excerpt stand before the place.
    indent: int = 0

    def __str__(self) -> str:
        path = f"{self.path}: " if self.path else ""
        mark = "warning: " if self.severity is Severity.WARNING else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {mark}{path}{self.message}{hint}"

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


def locate(problem: Problem, document: Document) -> Diagnostic:
    """Give a problem of an object its place in the text."""
    mark = document.mark_of(problem.path, at_key=problem.at_key)
    place = TextProblem(
        mark, problem.message, problem.hint, problem.severity is Severity.ERROR, path=problem.path
    )
    return from_text(document.file, document.lines, place)


def from_text(file: str, lines: tuple[str, ...], problem: TextProblem) -> Diagnostic:
    mark = problem.mark
    excerpt, indent = _excerpt(lines, mark)
    if holds_secret(problem.path) or names_secret(excerpt):
        excerpt, indent = "", 0
    return Diagnostic(
        file=file,
        line=mark.line,
        column=mark.column,
        path=_printable(format_path(problem.path)),
        message=_printable(problem.message),
        hint=_printable(problem.hint),
        severity=Severity.ERROR if problem.is_error else Severity.WARNING,
        excerpt=excerpt,
        indent=indent,
    )


def format_path(path: FieldPath) -> str:
    """("spec", "schedules", 0, "from") as people write it: spec.schedules[0].from."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("-", "").replace("_", "").isalnum() and len(step) <= 60:
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(shown(step), ensure_ascii=False)}]"
    return text


def with_excerpt(diagnostic: Diagnostic, *, columns: int = _WIDEST * 2) -> str:
    """The line of the file below the message, and a caret below the place. Tabs and wide text keep their width.

    Of a line that `columns` do not hold, the part around the place: a caret below a wrapped line points nowhere.
    """
    if not diagnostic.excerpt:
        return str(diagnostic)
    gutter = f"{diagnostic.line} | "
    room = max(columns - len(gutter) - 3, 10)
    begin = max(0, diagnostic.indent - room // 2) if len(diagnostic.excerpt) > room else 0
    before = diagnostic.excerpt[begin : diagnostic.indent]
    pad = "".join("\t" if char == "\t" else " " * _width(char) for char in before)
    text = diagnostic.excerpt[begin : begin + room]
    return f"{diagnostic}\n  {gutter}{text}\n  {' ' * len(gutter)}{pad}^"


def as_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, object]]:
    return [
        {
            "file": one.file,
            "line": one.line,
            "column": one.column,
            "path": one.path,
            "severity": one.severity.value,
            "message": one.message,
            "hint": one.hint,
        }
        for one in diagnostics
    ]


def _printable(text: str) -> str:
    """One line without control characters, whatever a manifest has put into it."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def _width(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _excerpt(lines: tuple[str, ...], mark: Mark) -> tuple[str, int]:
    """The line, or the part of a very long one around the place, and how much of it stands before the place."""
    text = lines[mark.line - 1] if 0 < mark.line <= len(lines) else ""
    if len(text) <= _WIDEST:
        return text, mark.column - 1
    begin = max(0, mark.column - 1 - _WIDEST // 2)
    return text[begin : begin + _WIDEST], mark.column - 1 - begin
