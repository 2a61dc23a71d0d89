"""Drafts of deployments as files: paths below one directory, a Host for what is shared, notes where they belong."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.bridge.deployment_drafts import DeploymentDraft
from reconciler.bridge.guardian_settings import Settings
from reconciler.bridge.manifest_texts import manifest_text
from reconciler.bridge.model_folders import below, change_paths, common_folder, model_paths
from reconciler.bridge.runtimes import Backend
from reconciler.spec.diagnostics import Diagnostic, locate
from reconciler.spec.kinds import API_VERSION
from reconciler.spec.nodes import Document
from reconciler.spec.problems import FieldPath, Problem, Severity, warning
from reconciler.spec.trees import read_file

POLICY = "guardian"
#: As people read a deployment: what, where, how.
_ORDER = (
    "model",
    "runtime",
    "aliases",
    "placement",
    "context",
    "args",
    "extraArgs",
    "capabilities",
    "lifecycle",
)
_INNER_ORDER = {
    "placement": ("gpus", "tensorSplit", "splitMode", "mainGpu", "gpuLayers"),
    "context": (
        "size",
        "parallel",
        "kvUnified",
        "kvType",
        "flashAttention",
        "promptCache",
        "batch",
        "ubatch",
    ),
}


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """A manifest file to write: its name in the tree, and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Imported:
    """`notes` with an error tell of something that is in none of the files."""

    files: tuple[ImportedFile, ...] = ()
    notes: tuple[Diagnostic, ...] = ()

    @property
    def is_complete(self) -> bool:
        return not any(note.is_error for note in self.notes)


@dataclass(slots=True)
class Drafted:
    """One model of the file, while it is read. `original` is its name there, `at` its place."""

    name: str
    original: str
    at: FieldPath
    draft: DeploymentDraft
    backend: Backend | None = None
    aliases: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shared:
    """What belongs to no single model. `found`: problems of the file as a whole."""

    host: str
    settings: Settings
    found: list[Problem] = field(default_factory=list)


def write(
    document: Document, drafted: Sequence[Drafted], shared: Shared, *, notes: Iterable[Diagnostic]
) -> Imported:
    """All files, in the order in which a reader wants them, and every note, in the order of the text."""
    general = [*shared.found, *shared.settings.problems, *_pin(drafted, shared.settings)]
    folder = common_folder([path for one in drafted for path in model_paths(one.draft.spec)])
    allowed = _place_files(drafted, folder)
    deployments = [(one, file) for one in drafted if (file := _deployment(document, one))]
    kept = [one for one, _ in deployments]
    passed = sorted({key for one in kept for key in one.draft.passthrough})
    head = [_host(document, shared, general, folder=folder, allowed=allowed, passed=passed)]
    head += [file for file in (_policy(passed), _runtimes(kept)) if file] if kept else []
    told = [*notes, *(locate(problem, document) for problem in general)]
    told += [locate(problem, document) for one in drafted for problem in one.draft.problems]
    files = (*(head if kept else ()), *(file for _, file in deployments))
    return Imported(files, tuple(dict.fromkeys(sorted(told))))


def _pin(drafted: Sequence[Drafted], settings: Settings) -> Iterator[Problem]:
    if not settings.pinned:
        return
    for one in drafted:
        if one.original == settings.pinned:
            one.draft.spec["lifecycle"] = {"pinned": True}
            hint = "state: running loads it at the start"
            one.draft.note(settings.pinned_at, f"{one.name} stays once a request has loaded it", hint)
            return
    yield warning(settings.pinned_at, f"is left out: no model is named {settings.pinned!r}")


def _place_files(drafted: Sequence[Drafted], folder: str) -> list[str]:
    """Make paths relative to the models directory; the directories of all other files."""
    allowed: set[str] = set()
    for one in drafted:
        change_paths(one.draft.spec, lambda path: below(folder, _normal(path)))
        outside = [*model_paths(one.draft.spec), *one.draft.files]
        for path in outside:
            if path.startswith("~"):
                hint = "write the absolute path"
                one.draft.problems.append(
                    Problem(one.at, f"{path} begins with ~, which only shells know", hint)
                )
            elif path.startswith("/") and below(folder, path) == path:
                allowed.add(posixpath.dirname(path))
    return sorted(allowed)


def _normal(path: str) -> str:
    return posixpath.normpath(path) if path.startswith("/") else path


def _deployment(document: Document, one: Drafted) -> ImportedFile | None:
    """The file of one model, unless anything about it is wrong."""
    if any(problem.severity is Severity.ERROR for problem in one.draft.problems):
        return None
    if one.backend:
        one.draft.spec["runtime"] = one.backend.name
    spec = _ordered(one.draft.spec, _ORDER)
    spec |= {key: _ordered(spec[key], order) for key, order in _INNER_ORDER.items() if key in spec}
    manifest = _object("ModelDeployment", one.name, spec)
    text = manifest_text([manifest], _comments(document, one.draft.problems))
    name = f"{one.name}.yaml"
    wrong = [found for found in read_file(name, text.encode()).diagnostics if found.is_error]
    one.draft.problems += [Problem(one.at, f"{found.path} {found.message}", found.hint) for found in wrong]
    return None if wrong else ImportedFile(name, text)


def _ordered(values: dict[str, Any], order: Sequence[str]) -> dict[str, Any]:
    return {key: values[key] for key in order if key in values}


def _host(
    document: Document,
    shared: Shared,
    general: Sequence[Problem],
    *,
    folder: str,
    allowed: Sequence[str],
    passed: Sequence[str],
) -> ImportedFile:
    paths: dict[str, object] = {"models": folder} if folder else {}
    spec: dict[str, Any] = {"paths": paths | ({"allowed": list(allowed)} if allowed else {})}
    if passed:
        spec["argPolicy"] = POLICY
    if shared.settings.idle_unload:
        spec["defaults"] = {"lifecycle": {"idleUnload": shared.settings.idle_unload}}
    notes = [*_comments(document, general)]
    if not shared.settings.idle_unload:
        notes.append(
            "Guardian kept a model loaded; here idleUnload is 15m unless defaults.lifecycle says never."
        )
    manifest = _object("Host", shared.host, {key: value for key, value in spec.items() if value})
    return ImportedFile("host.yaml", manifest_text([manifest], notes))


def _policy(passed: Sequence[str]) -> ImportedFile | None:
    if not passed:
        return None
    note = "Options that reconciler does not know and the imported models use."
    return ImportedFile(
        "argpolicy.yaml", manifest_text([_object("ArgPolicy", POLICY, {"passthrough": list(passed)})], [note])
    )


def _runtimes(kept: Sequence[Drafted]) -> ImportedFile | None:
    backends = dict.fromkeys(one.backend for one in kept if one.backend)
    if not backends:
        return None
    notes = [f"{backend.name}: {backend.note}" for backend in backends if backend.note]
    return ImportedFile(
        "runtimes.yaml", manifest_text([backend.manifest(API_VERSION) for backend in backends], notes)
    )


def _object(kind: str, name: str, spec: dict[str, Any]) -> dict[str, object]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _comments(document: Document, problems: Iterable[Problem]) -> list[str]:
    """Without file and path, which stand in the note on stderr."""
    lines = []
    for problem in problems:
        found = locate(problem, document)
        key = f"{problem.path[-1]}: " if problem.path[2:] or problem.path[:1] == ("guardian",) else ""
        lines.append(f"line {found.line}: {key}{found.message}{f' ({found.hint})' if found.hint else ''}")
    return list(dict.fromkeys(lines))
