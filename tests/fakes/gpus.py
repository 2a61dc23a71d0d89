"""Imaginary GPUs for the real llama-server, and the ledger of who holds what on them."""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.fakes.compiled import NativeDouble

FOLDER = Path(__file__).parent / "gpu"
BACKEND = NativeDouble(
    sources=(FOLDER / "fakegpu.cpp", FOLDER / "ggml_abi.h"),
    library="libfakegpu.so",
    compilers=("c++", "g++", "clang++"),
    flags=("-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-std=c++17", "-s"),
)
ENTRY = struct.Struct("=iiqQ")  # pid, device, bytes, born in clock ticks
ENTRIES = 4096
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ImaginaryGpus:
    """`env` makes a llama-server see the devices; it must also be told to use them (`-dev`)."""

    env: dict[str, str]
    names: tuple[str, ...]
    ledger: Path

    def used(self) -> dict[int, dict[int, int]]:
        """Bytes per pid per device; what dead processes have left is not counted."""
        return used(self.ledger)

    def occupy(self, device: int, mib: int, *, pid: int | None = None) -> None:
        """A foreign process (by default this one) takes memory; 0 gives it back."""
        occupy(self.ledger, device, mib, pid=pid or os.getpid())


def imagine(
    ledger: Path, sizes_mib: Sequence[int], *, prefix: str = "FAKE", context_mib: int = 0
) -> ImaginaryGpus:
    env = {
        "GGML_BACKEND_PATH": str(BACKEND.path()),
        "FAKE_GPU": ",".join(str(size) for size in sizes_mib),
        "FAKE_GPU_STATE": str(ledger),
        "FAKE_GPU_PREFIX": prefix,
        "FAKE_GPU_CTX_MIB": str(context_mib),
    }
    return ImaginaryGpus(env, tuple(f"{prefix}{index}" for index in range(len(sizes_mib))), ledger)


def used(ledger: Path) -> dict[int, dict[int, int]]:
    devices: dict[int, dict[int, int]] = {}
    for pid, device, size, born in _entries(ledger):
        if pid and born == _born(pid):
            devices.setdefault(device, {})[pid] = size
    return devices


def occupy(ledger: Path, device: int, mib: int, *, pid: int) -> None:
    entries = [entry for entry in _entries(ledger) if entry[0] and entry[:2] != (pid, device)]
    if mib:
        entries.append((pid, device, mib * MIB, _born(pid)))
    entries += [(0, 0, 0, 0)] * (ENTRIES - len(entries))
    mode = "r+b" if ledger.exists() else "wb"
    with ledger.open(mode) as file:  # in place: running engines have the file mapped
        file.write(b"".join(ENTRY.pack(*entry) for entry in entries))


def _entries(ledger: Path) -> list[tuple[int, int, int, int]]:
    if not ledger.exists():
        return []
    return [(pid, device, size, born) for pid, device, size, born in ENTRY.iter_unpack(ledger.read_bytes())]


def _born(pid: int) -> int:
    try:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return 0
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (psutil.NoSuchProcess, FileNotFoundError):
        return 0
    return int(stat.rpartition(")")[2].split()[19])
