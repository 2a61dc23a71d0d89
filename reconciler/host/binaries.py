"""What can be said of a binary without running it: who it is, its checksum, which processor it is built for."""

from __future__ import annotations

import functools
import hashlib
import platform
import struct
from pathlib import Path

from reconciler.host.identities import FileIdentity, file_identity

#: e_machine of the ELF specification, by the names that `uname -m` uses.
MACHINES = {
    3: "i686",
    21: "ppc64le",
    22: "s390x",
    40: "armv7l",
    62: "x86_64",
    183: "aarch64",
    243: "riscv64",
    258: "loongarch64",
}
FOREIGN_MAGICS = {
    b"MZ": "a Windows program",
    b"\xcf\xfa\xed\xfe": "a macOS program",
    b"\xca\xfe\xba\xbe": "a macOS program",
}
APE_MAGIC = b"MZqFpD"


def sha256(path: Path) -> str:
    return _sha256(path, file_identity(path))


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, _identity: FileIdentity) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def foreign_architecture(path: Path) -> str:
    """What the file is built for where this machine cannot run it, else an empty string. Reads 20 bytes."""
    with path.open("rb") as file:
        head = file.read(20)
    if head.startswith(APE_MAGIC):
        return ""
    for magic, words in FOREIGN_MAGICS.items():
        if head.startswith(magic):
            return words
    if not head.startswith(b"\x7fELF") or len(head) < 20:
        return ""
    order = "<" if head[5] == 1 else ">"
    (machine,) = struct.unpack_from(f"{order}H", head, 18)
    built_for = MACHINES.get(machine, f"ELF machine {machine}")
    return "" if built_for in _runnable() else f"built for {built_for}"


def _runnable() -> tuple[str, ...]:
    here = platform.machine()
    return (here, "i686") if here == "x86_64" else (here, "armv7l") if here == "aarch64" else (here,)
