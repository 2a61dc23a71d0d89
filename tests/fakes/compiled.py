"""Native doubles: compiled where they are used and kept by content; the shipped build where there is no compiler."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


def _cache() -> Path:
    """Read once, at import: later every test has a HOME of its own."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "reconciler-tests"
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="reconciler-tests-"))
    return base


CACHE = _cache()


@dataclass(frozen=True, slots=True)
class NativeDouble:
    """A shared library from source; `prebuilt` lies beside its first source, with the sources' hash in a file."""

    sources: Sequence[Path]  # the first one is compiled, the others are included
    library: str
    compilers: Sequence[str]
    flags: Sequence[str]

    @property
    def prebuilt(self) -> Path:
        return self.sources[0].with_name(self.library)

    @property
    def prebuilt_hash(self) -> Path:
        return self.sources[0].with_name(f"{self.library}.sources.sha256")

    def sources_hash(self) -> str:
        digest = hashlib.sha256()
        for source in self.sources:
            digest.update(source.read_bytes())
        return digest.hexdigest()

    def path(self) -> Path:
        """The library; the folder is its own, so that it can go into LD_LIBRARY_PATH."""
        compiler = next((found for name in self.compilers if (found := shutil.which(name))), None)
        return self.prebuilt if compiler is None else self.build(compiler)

    def build(self, compiler: str) -> Path:
        key = hashlib.sha256(" ".join([self.sources_hash(), compiler, *self.flags]).encode()).hexdigest()[:16]
        target = CACHE / key / self.library
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                built = Path(folder) / self.library
                subprocess.run([compiler, *self.flags, str(self.sources[0]), "-o", str(built)], check=True)
                built.rename(target)  # another test process may be at the same: either result is whole
        return target
