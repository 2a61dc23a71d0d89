"""A set of manifest files as typed objects with every problem of their text, all at once.

`read_file` looks at one file alone and can be remembered by its content; `join` adds what only shows between
objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from reconciler.spec.crossrules import between_objects
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
from reconciler.spec.messages import problems_of
from reconciler.spec.nodes import Document, Mapping
from reconciler.spec.objectrules import within_object
from reconciler.spec.problems import Problem
from reconciler.spec.shapes import nearest

M_co = TypeVar("M_co", bound=AnyManifest, covariant=True)


@dataclass(frozen=True, slots=True)
class Declared(Generic[M_co]):
    """An object and the text that declares it."""

    manifest: M_co
    document: Document

    def diagnostic(self, problem: Problem) -> Diagnostic:
        return locate(problem, self.document)


@dataclass(frozen=True, slots=True)
class FileReading:
    """One file, read by itself."""

    file: str
    objects: tuple[Declared[AnyManifest], ...]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Tree:
    """All objects of a set of files. With any error among the diagnostics the set is not to be used."""

    objects: tuple[Declared[AnyManifest], ...]
    diagnostics: tuple[Diagnostic, ...]

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
    found = [from_text(file, text.lines, problem) for problem in text.problems]
    for document in text.documents:
        manifest, problems = _typed(document)
        found += [locate(problem, document) for problem in problems]
        if manifest is not None:
            objects.append(Declared(manifest, document))
    return FileReading(file, tuple(objects), tuple(_told_once(found)))


def join(files: Iterable[FileReading]) -> Tree:
    """Objects of all files, in order of file name, with the problems between them."""
    ordered = sorted(files, key=lambda reading: reading.file)
    objects = tuple(declared for reading in ordered for declared in reading.objects)
    found = [diagnostic for reading in ordered for diagnostic in reading.diagnostics]
    between = between_objects([declared.manifest for declared in objects])
    found += [objects[index].diagnostic(problem) for index, problem in between]
    return Tree(objects, tuple(sorted(_told_once(found))))


def _typed(document: Document) -> tuple[AnyManifest | None, list[Problem]]:
    if not isinstance(document.root, Mapping):
        return None, [Problem((), "a manifest must be a mapping", "begin with apiVersion: and kind:")]
    data = document.data
    kind = data.get("kind")
    if kind not in KINDS:
        return None, [_kind_problem(data)]
    try:
        manifest = KINDS[kind].model_validate(data)
    except ValidationError as error:
        return None, problems_of(error, KINDS[kind])
    return manifest, within_object(manifest)


def _kind_problem(data: dict[str, object]) -> Problem:
    kind = data.get("kind")
    if kind is None:
        return Problem(("kind",), "is missing", f"one of {', '.join(KINDS)}", at_key=True)
    if data.get("apiVersion") != API_VERSION and "kind" in data and not nearest(str(kind), list(KINDS)):
        return Problem(
            ("kind",), f"{kind!r} is not a kind of {API_VERSION}", "keep other manifests elsewhere"
        )
    guess = nearest(str(kind), list(KINDS))
    return Problem(
        ("kind",),
        f"unknown kind {kind!r}",
        f"did you mean {guess}?" if guess else f"one of {', '.join(KINDS)}",
    )


def _told_once(found: list[Diagnostic]) -> list[Diagnostic]:
    """A text that is refused is not also called ambiguous."""
    refused = {(one.file, one.line, one.column) for one in found if one.is_error}
    return [one for one in found if one.is_error or (one.file, one.line, one.column) not in refused]
