"""A set of manifest files as typed objects with every problem of their text, all at once.

`read_file` looks at one file alone and can be remembered by its content; `join` adds what only shows between
objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from reconciler.spec.crossrules import between_objects
from reconciler.spec.declarations import Declared, M_co, Refused
from reconciler.spec.diagnostics import Diagnostic, from_text, locate
from reconciler.spec.documents import read_documents
from reconciler.spec.kinds import (
    API_VERSION,
    KINDS,
    AnyManifest,
    ArgPolicy,
    Client,
    Host,
    ModelDeployment,
    Runtime,
)
from reconciler.spec.messages import missing_values, problems_of
from reconciler.spec.nodes import Document, Mapping, Scalar
from reconciler.spec.objectrules import within_object
from reconciler.spec.problems import Problem, shown
from reconciler.spec.remains import remains
from reconciler.spec.shapes import nearest

__all__ = ["Declared", "FileReading", "Refused", "Tree", "join", "read_file"]


@dataclass(frozen=True, slots=True)
class FileReading:
    """One file, read by itself."""

    file: str
    objects: tuple[Declared[AnyManifest], ...]
    diagnostics: tuple[Diagnostic, ...]
    refused: tuple[Refused, ...] = ()
    remains: tuple[Declared[AnyManifest], ...] = ()
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """All objects of a set of files. With any error among the diagnostics the set is not to be used."""

    objects: tuple[Declared[AnyManifest], ...]
    diagnostics: tuple[Diagnostic, ...]
    #: What is left of refused objects, to look for more problems in.
    remains: tuple[Declared[AnyManifest], ...] = ()

    @property
    def is_valid(self) -> bool:
        return not any(one.is_error for one in self.diagnostics)

    def of_kind(self, kind: type[M_co]) -> tuple[Declared[M_co], ...]:
        return tuple(one for one in self.objects if isinstance(one.manifest, kind))  # type: ignore[misc]

    @property
    def deployments(self) -> tuple[Declared[ModelDeployment], ...]:
        return self.of_kind(ModelDeployment)

    @property
    def runtimes(self) -> tuple[Declared[Runtime], ...]:
        return self.of_kind(Runtime)

    @property
    def policies(self) -> tuple[Declared[ArgPolicy], ...]:
        return self.of_kind(ArgPolicy)

    @property
    def clients(self) -> tuple[Declared[Client], ...]:
        return self.of_kind(Client)

    @property
    def host(self) -> Declared[Host] | None:
        hosts = self.of_kind(Host)
        return hosts[0] if hosts else None


def read_file(file: str, raw: bytes) -> FileReading:
    """Parse and type one file."""
    text = read_documents(file, raw)
    objects: list[Declared[AnyManifest]] = []
    refused: list[Refused] = []
    remaining: list[Declared[AnyManifest]] = []
    typed: list[Diagnostic] = []
    for document in text.documents:
        manifest, problems = _typed(document)
        typed += [locate(problem, document) for problem in problems]
        if manifest is not None:
            objects.append(Declared(manifest, document))
        else:
            refused += _refused(document)
            remaining += _remaining(document, problems)
    written = [from_text(file, text.lines, problem) for problem in text.problems]
    return FileReading(
        file=file,
        objects=tuple(objects),
        diagnostics=tuple(sorted(_told_once(typed, written))),
        refused=tuple(refused),
        remains=tuple(remaining),
        is_broken=text.is_broken,
    )


def join(files: Iterable[FileReading]) -> Tree:
    """Objects of all files, in order of file name, with the problems between them."""
    ordered = sorted(files, key=lambda reading: reading.file)
    objects = tuple(declared for reading in ordered for declared in reading.objects)
    found = [diagnostic for reading in ordered for diagnostic in reading.diagnostics]
    refused = frozenset(one for reading in ordered for one in reading.refused)
    is_complete = not any(reading.is_broken for reading in ordered)
    between = between_objects(objects, refused, is_complete=is_complete)
    found += [objects[index].diagnostic(problem) for index, problem in between]
    remaining = tuple(declared for reading in ordered for declared in reading.remains)
    return Tree(objects, tuple(sorted(found)), remaining)


def _typed(document: Document) -> tuple[AnyManifest | None, list[Problem]]:
    if not isinstance(document.root, Mapping):
        return None, [
            Problem((), "a manifest must be a mapping", f"begin with apiVersion: {API_VERSION} and a kind")
        ]
    data = document.data
    kind = KINDS.get(data["kind"]) if isinstance(data.get("kind"), str) else None
    if kind is None:
        return None, [_kind_problem(data)]
    empty = list(missing_values(document, kind))
    try:
        manifest = kind.model_validate(data)
    except ValidationError as error:
        told = {problem.path for problem in empty}
        return None, empty + [one for one in problems_of(error, kind, document) if one.path not in told]
    return (None, empty) if empty else (manifest, within_object(manifest))


def _remaining(document: Document, problems: list[Problem]) -> list[Declared[AnyManifest]]:
    kind = document.find(("kind",))
    if not isinstance(kind, Scalar) or kind.text not in KINDS:
        return []
    left = remains(KINDS[kind.text], document.data, [problem.path for problem in problems])
    return [Declared(left, document)] if left is not None else []


def _refused(document: Document) -> list[Refused]:
    kind, name = document.find(("kind",)), document.find(("metadata", "name"))
    if isinstance(kind, Scalar) and isinstance(name, Scalar):
        return [Refused(kind.text, name.text)]
    return []


_OWN_KEYS = frozenset({"apiVersion", "kind", "metadata", "spec"})


def _kind_problem(data: dict[str, object]) -> Problem:
    kind = data.get("kind")
    known = f"one of {', '.join(KINDS)}"
    if kind is None:
        if data and data.keys().isdisjoint(_OWN_KEYS) and not any(nearest(key, [*_OWN_KEYS]) for key in data):
            begin = f"begin with apiVersion: {API_VERSION} and a kind; keep other files elsewhere"
            return Problem((), "this is no manifest", begin)
        written = "kind" in data
        guess = next((key for key in data if nearest(key, ["kind"])), "") if not written else ""
        if guess:
            return Problem((guess,), f"unknown key {shown(guess)!r}", "did you mean kind?", at_key=True)
        return Problem(("kind",), "has no value" if written else "is missing", known, at_key=True)
    if not isinstance(kind, str):
        return Problem(("kind",), "must be text", known)
    guess = nearest(kind, list(KINDS))
    if not guess and data.get("apiVersion") != API_VERSION:
        return Problem(
            ("kind",),
            f"{shown(kind)!r} is not a kind of {API_VERSION}",
            f"{known}; keep other files elsewhere",
        )
    return Problem(("kind",), f"unknown kind {shown(kind)!r}", f"did you mean {guess}?" if guess else known)


def _told_once(typed: list[Diagnostic], written: list[Diagnostic]) -> list[Diagnostic]:
    """A text that is refused for what it means is not also called ambiguous."""
    refused = {(one.line, one.column, one.path) for one in typed if one.is_error}
    return typed + [one for one in written if (one.line, one.column, one.path) not in refused]
