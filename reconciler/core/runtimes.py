"""What is wanted of an engine binary, what was found, and how its own texts are read.

`host.runtimes` fills the record; status, `get runtimes` and the argument policy read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["llama-server", "llamafile", "embedded"]

Source = Literal["spec", "path", "package", "embedded"]

Reason = Literal[
    "RuntimeMissing",
    "RuntimeNotExecutable",
    "RuntimeWrongArchitecture",
    "ChecksumMismatch",
    "RuntimeProbeFailed",
    "RuntimeHasNoGpu",
]

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeWanted:
    """A Runtime as the manifests declare it. Without a path the binary is looked for."""

    name: str
    kind: Kind
    path: str | None = None
    sha256: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU as this build names it in `--device`."""

    name: str
    description: str
    total: int | None
    free: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeRecord:
    """A Runtime as this machine has it. With a `reason` it cannot be used and `message` says why."""

    name: str
    kind: Kind
    source: Source
    argv: tuple[str, ...] = ()
    path: str = ""
    sha256: str = ""
    version: str = ""
    help: str = field(default="", repr=False)
    #: None where the build does not answer `--list-devices`.
    devices: tuple[Device, ...] | None = None
    reason: Reason | None = None
    message: str = ""
    next_step: str = ""

    @property
    def usable(self) -> bool:
        return self.reason is None


_DEVICE = re.compile(
    r"^  (?P<name>\S+): (?P<description>.*?)(?: \((?P<total>\d+) MiB, (?P<free>\d+) MiB free\))?$"
)


def parse_devices(text: str) -> tuple[Device, ...] | None:
    """The answer to `--list-devices`, or None where it is not one."""
    lines = iter(text.splitlines())
    if not any(line.strip() == "Available devices:" for line in lines):
        return None
    found = (_DEVICE.match(line) for line in lines)
    return tuple(
        Device(match["name"], match["description"], _mib(match["total"]), _mib(match["free"]))
        for match in found
        if match
    )


def parse_version(text: str) -> str:
    """The build as the binary states it, in one line; a fork's unlabelled text counts by its first line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    labelled = [line.removeprefix("version:").strip() for line in lines if line.startswith("version:")]
    return next(iter(labelled or lines), "")


def _mib(digits: str | None) -> int | None:
    return None if digits is None else int(digits) * MIB
