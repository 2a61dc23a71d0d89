"""Secrets that manifests refer to and never hold, and the keys that engines are started with."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Mapping
from pathlib import Path

from reconciler.errors import StartFailed
from reconciler.spec.deployments import SecretSource

LONGEST = 64 << 10


def read_secrets(wanted: Mapping[str, SecretSource], environ: Mapping[str, str]) -> dict[str, str]:
    """The values for a child's environment; what cannot be had stops the start, and is told without the value."""
    return {name: _read(name, source, environ) for name, source in sorted(wanted.items())}


def new_engine_key() -> str:
    """The key of one launch: the gateway and the controller read it in the process's environment."""
    return secrets.token_urlsafe(32)


def _read(name: str, source: SecretSource, environ: Mapping[str, str]) -> str:
    if source.from_env is not None:
        if source.from_env not in environ:
            raise StartFailed(
                "SecretMissing",
                f"secretEnv {name}: the controller's environment has no {source.from_env}",
                next_step="export it where the controller starts",
            )
        return environ[source.from_env]
    return _first_line(name, Path(source.from_file or ""))


def _first_line(name: str, path: Path) -> str:
    try:
        text = _begin(path).decode().partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise StartFailed(
            "SecretMissing",
            f"secretEnv {name}: Cannot read {path}: {why}",
            next_step="put the secret in its first line",
        ) from None
    if "\0" in text:
        raise StartFailed(
            "SecretMissing",
            f"secretEnv {name}: the first line of {path} contains a NUL character",
            next_step="put the secret there as text",
        )
    if not text:
        raise StartFailed(
            "SecretMissing",
            f"secretEnv {name}: the first line of {path} is empty",
            next_step="put the secret there",
        )
    return text


def _begin(path: Path) -> bytes:
    """Nothing here waits: a FIFO without a writer would hold the start of every model."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return os.read(handle, LONGEST)
    finally:
        os.close(handle)
