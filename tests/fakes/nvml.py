"""A declared NVIDIA world for the real pynvml, in a child process that is started with `env`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fakes.compiled import NativeDouble

FOLDER = Path(__file__).parent / "nvml_library"
LIBRARY = NativeDouble(
    sources=(FOLDER / "fake_nvml.c",),
    library="libnvidia-ml.so.1",
    compilers=("cc", "gcc", "clang"),
    flags=("-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-s"),
)


@dataclass(frozen=True, slots=True)
class NvidiaWorld:
    """Its file is read at every NVML call: `declare` changes what a running process sees."""

    file: Path
    env: dict[str, str]

    def declare(self, *lines: str) -> None:
        """Lines as `nvml_library/fake_nvml.c` explains them."""
        fresh = self.file.with_suffix(".fresh")
        fresh.write_text("".join(f"{line}\n" for line in lines))
        fresh.rename(self.file)


def declare(file: Path, lines: Sequence[str]) -> NvidiaWorld:
    world = NvidiaWorld(file, {"LD_LIBRARY_PATH": str(LIBRARY.path().parent), "FAKE_NVML": str(file)})
    world.declare(*lines)
    return world
