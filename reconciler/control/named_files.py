"""Files that manifests name: held inside the Host's directories, and their headers read once.

A path that its text alone makes wrong is an error; a file that is only absent is a warning, and none at all where
the whole models directory is missing, which is told once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from reconciler.core.arguments.settings import PathUse
from reconciler.core.commandlines import EngineFiles
from reconciler.core.gguf.facts import ModelFacts
from reconciler.core.gguf.splits import later_shards
from reconciler.errors import GgufInvalid, PathRefused
from reconciler.host.identities import FileIdentity, file_identity
from reconciler.host.models import read_facts
from reconciler.host.paths import GGUF_SUFFIXES, FileAbsent, confine
from reconciler.spec.deployments import DeploymentSpec, SecretSource
from reconciler.spec.problems import FieldPath, Problem, warning
from reconciler.spec.shapes import nearest

#: How many names of a directory are looked at for one that was meant.
MOST_NAMES = 2000


@dataclass(frozen=True, slots=True)
class Folders:
    """Where files may come from. `models` is where model paths start, `roots` is what no path may leave."""

    models: Path
    roots: tuple[Path, ...]
    manifest: Path


@dataclass(slots=True)
class KnownModels:
    """Facts of model files and names of what lies beside them, each read once within one reading of the manifests."""

    _known: dict[tuple[str, FileIdentity], ModelFacts | GgufInvalid] = field(default_factory=dict)
    _names: dict[Path, list[str]] = field(default_factory=dict)

    def facts(self, path: str) -> ModelFacts | GgufInvalid:
        try:
            key = (path, file_identity(Path(path)))
        except OSError as error:
            return GgufInvalid(f"Cannot read {path}: {error.strerror}")
        if key not in self._known:
            self._known[key] = _read(Path(path))
        return self._known[key]

    def nearest(self, missing: Path, root: Path) -> str:
        """A file that was probably meant: beside the missing one, or else in the root; relative to the root."""
        folder = missing.parent if missing.parent.is_dir() else root
        if folder not in self._names:
            self._names[folder] = _files_in(folder)
        # All names end alike, which would make each a little like every other.
        stems = {name.removesuffix(".gguf"): name for name in self._names[folder]}
        guess = nearest(missing.stem, list(stems))
        found = folder / stems.get(guess, "")
        return str(found.relative_to(root)) if guess and found.is_relative_to(root) else ""


def _files_in(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in islice(entries, MOST_NAMES) if entry.name.endswith(GGUF_SUFFIXES)]
    except OSError:
        return []


def _read(path: Path) -> ModelFacts | GgufInvalid:
    try:
        return read_facts(path)
    except GgufInvalid as error:
        return error


class NamedFiles:
    """Resolves the paths of one object and notes what is wrong with each; absences only where `on_machine`."""

    def __init__(self, folders: Folders, known: KnownModels, *, on_machine: bool = True) -> None:
        self._folders = folders
        self._known = known
        self._on_machine = on_machine
        self._models_present = on_machine and folders.models.is_dir()
        self._present: set[str] = set()
        self.problems: list[Problem] = []
        #: What keeps the deployment from starting until the machine has it.
        self.absent: list[FileAbsent] = []

    def of_model(self, spec: DeploymentSpec) -> EngineFiles:
        model, at = spec.model, ("spec", "model")
        return EngineFiles(
            model=self._model(model.path, (*at, "path")),
            mmproj=self._model(model.mmproj.path, (*at, "mmproj", "path")) if model.mmproj else "",
            draft=self._model(model.draft.path, (*at, "draft", "path")) if model.draft else "",
            loras=tuple(
                self._model(lora.path, (*at, "loras", index, "path"))
                for index, lora in enumerate(model.loras)
            ),
        )

    def named(self, uses: Iterable[PathUse]) -> dict[PathUse, str]:
        """The files behind the paths of options and variables; refused ones are left out."""
        bases = (self._folders.manifest, self._folders.models)
        found = {}
        for use in uses:
            gguf = use.suffixes == GGUF_SUFFIXES
            path = self._confined(use.text, use.path, bases=bases, suffixes=use.suffixes, gguf=gguf)
            if path is not None:
                found[use] = path
        return found

    def secrets(self, sources: Mapping[str, SecretSource]) -> dict[str, SecretSource]:
        """The same sources with files found from the manifest's directory on. Secrets may lie anywhere."""
        return {name: self._secret(name, source) for name, source in sources.items()}

    def facts(self, model: str) -> ModelFacts | None:
        """Only of a file that is there and allowed: what was refused is not opened."""
        if model not in self._present or not self._on_machine:
            return None
        found = self._known.facts(model)
        if isinstance(found, ModelFacts):
            return found
        at: FieldPath = ("spec", "model", "path")
        self.problems.append(warning(at, f"Cannot read the model: {found.message}", found.next_step))
        return None

    def _secret(self, name: str, source: SecretSource) -> SecretSource:
        if source.from_file is None:
            return source
        path = self._folders.manifest / source.from_file
        try:
            if self._on_machine:
                path.lstat()
        except FileNotFoundError:
            at: FieldPath = ("spec", "secretEnv", name, "fromFile")
            self.problems.append(warning(at, f"{path} does not exist", "put the secret in its first line"))
        except OSError:
            pass  # the controller may see what we may not
        return source.model_copy(update={"from_file": str(path)})

    def _model(self, written: str, at: FieldPath) -> str:
        bases = (self._folders.models,)
        found = self._confined(written, at, bases=bases, suffixes=GGUF_SUFFIXES, gguf=True)
        if found is None:
            return written
        later = later_shards(Path(written).name)
        return self._split(written, later, at) or found if found in self._present and later else found

    def _split(self, written: str, later: Iterable[str], at: FieldPath) -> str:
        """A split model keeps its name, by which the engine finds the other files: they are held inside as well."""
        first = self._folders.models / written
        for name in later:
            try:
                shard = confine(
                    str(Path(written).with_name(name)),
                    bases=(self._folders.models,),
                    roots=self._folders.roots,
                    suffixes=GGUF_SUFFIXES,
                    gguf=True,
                )
            except PathRefused as error:
                self.problems.append(Problem(at, error.message, error.next_step))
                return ""
            if isinstance(shard, FileAbsent):
                self.absent.append(shard)
                break
        kept = first.parent.resolve() / first.name
        if not any(kept.is_relative_to(root.resolve()) for root in self._folders.roots):
            return ""
        self._present.add(str(kept))
        return str(kept)

    def _confined(
        self, written: str, at: FieldPath, *, bases: tuple[Path, ...], suffixes: tuple[str, ...], gguf: bool
    ) -> str | None:
        try:
            found = confine(written, bases=bases, roots=self._folders.roots, suffixes=suffixes, gguf=gguf)
        except PathRefused as error:
            self.problems.append(Problem(at, error.message, error.next_step))
            return None
        if isinstance(found, FileAbsent):
            self.absent.append(found)
            if self._models_present:
                self.problems.append(warning(at, found.message, self._heal(found, gguf=gguf)))
            return str(found.path)
        self._present.add(str(found))
        return str(found)

    def _heal(self, absent: FileAbsent, *, gguf: bool) -> str:
        if absent.reason == "FileUnreadable":
            return "allow us to read it"
        if absent.reason == "NotAGguf":
            return "name a GGUF file"
        guess = self._known.nearest(absent.path, self._folders.models.resolve()) if gguf else ""
        return f"did you mean {guess}?" if guess else "put it there, or correct the path"
