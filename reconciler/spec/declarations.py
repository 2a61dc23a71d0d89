"""Objects together with the text that declares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from reconciler.spec.diagnostics import Diagnostic, locate
from reconciler.spec.kinds import AnyManifest
from reconciler.spec.nodes import Document
from reconciler.spec.problems import FieldPath, Problem

M_co = TypeVar("M_co", bound=AnyManifest, covariant=True)


@dataclass(frozen=True, slots=True)
class Declared(Generic[M_co]):
    """An object and the text that declares it."""

    manifest: M_co
    document: Document

    def diagnostic(self, problem: Problem) -> Diagnostic:
        return locate(problem, self.document)

    def place(self, path: FieldPath) -> str:
        """`file:line` of a field, for messages about something else."""
        return f"{self.document.file}:{self.document.mark_of(path, at_key=True).line}"


@dataclass(frozen=True, slots=True)
class Refused:
    """An object that could not be typed. Its name still counts as known: one mistake is told once."""

    kind: str
    name: str
