"""A directory that a verb writes manifests into: what it declares already, and new files that replace none."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import ReconcilerError
from reconciler.host.files import read_manifests
from reconciler.spec.kinds import Host
from reconciler.spec.trees import Declared, join, read_file


@dataclass(frozen=True, slots=True)
class Existing:
    """What the target directory declares already; files that cannot be read declare nothing."""

    host_file: str
    models_folder: Path | None
    names: frozenset[str]
    model_files: dict[str, str]

    @classmethod
    def under(cls, target: Path) -> Existing:
        files = read_manifests([str(target)]) if target.exists() else []
        tree = join([read_file(file.name, file.raw) for file in files])
        host = tree.host
        folder = _models_folder(host) if host else None
        declared = {
            os.path.realpath(
                _beside(one.document.file, folder) / one.manifest.spec.model.path
            ): one.document.file
            for one in tree.deployments
        }
        return cls(
            host_file=host.document.file if host else "",
            models_folder=folder,
            names=frozenset(one.manifest.metadata.name for one in tree.deployments),
            model_files=declared,
        )

    def declares(self, model: Path) -> str | None:
        return self.model_files.get(os.path.realpath(model))

    @property
    def taken(self) -> frozenset[str]:
        """Names that no new deployment may have: declared ones, and that of the Host's file."""
        return self.names | {"host"}


def _models_folder(host: Declared[Host]) -> Path:
    return Path(host.document.file).parent / (host.manifest.spec.paths.models or "")


def _beside(file: str, folder: Path | None) -> Path:
    """Where model paths start: without a Host beside the manifest."""
    return Path(file).parent if folder is None else folder


def write_new(path: Path, text: str) -> bool:
    """False where there is a file: the system call decides, so that nothing can come in between."""
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        return False
    except OSError as error:
        raise _not_written(path, error) from error
    try:
        with file:
            file.write(text)
    except OSError as error:
        # Half a manifest would be left alone by the next run.
        with suppress(OSError):
            path.unlink()
        raise _not_written(path, error) from error
    return True


def _not_written(path: Path, error: OSError) -> ReconcilerError:
    return ReconcilerError(f"Cannot write {path}: {error.strerror}")
