from __future__ import annotations

import hashlib
import platform
import struct
import sys
from pathlib import Path

import pytest

from reconciler.host.binaries import foreign_architecture, sha256
from reconciler.host.identities import file_identity


def elf(machine: int, *, order: str = "<") -> bytes:
    ident = b"\x7fELF\x02" + (b"\x01" if order == "<" else b"\x02") + bytes(10)
    return ident + struct.pack(f"{order}HH", 2, machine) + bytes(44)


def write(folder: Path, content: bytes) -> Path:
    path = folder / "binary"
    path.write_bytes(content)
    return path


def test_this_interpreter_is_for_this_machine() -> None:
    assert foreign_architecture(Path(sys.executable)) == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (elf(8), "built for ELF machine 8"),
        (elf(22, order=">"), "built for s390x"),
        (elf(243), "built for riscv64"),
        (b"MZ\x90\x00" + bytes(60), "a Windows program"),
        (b"\xcf\xfa\xed\xfe" + bytes(60), "a macOS program"),
        (b"MZqFpD='\nBOOT\n", ""),
        (b"#!/bin/sh\n", ""),
        (b"\x7fELF", ""),
        (b"", ""),
    ],
)
def test_a_file_for_another_machine_says_which(tmp_path: Path, content: bytes, words: str) -> None:
    assert foreign_architecture(write(tmp_path, content)) == words


def test_the_other_common_architecture_is_foreign(tmp_path: Path) -> None:
    machine, name = (183, "aarch64") if platform.machine() == "x86_64" else (62, "x86_64")

    assert foreign_architecture(write(tmp_path, elf(machine))) == f"built for {name}"


def test_the_checksum_follows_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, b"one")
    before = (file_identity(path), sha256(path))
    path.unlink()
    write(tmp_path, b"other")

    assert before[1] == hashlib.sha256(b"one").hexdigest()
    assert sha256(path) == hashlib.sha256(b"other").hexdigest()
    assert file_identity(path) != before[0]
