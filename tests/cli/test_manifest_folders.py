from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.cli.manifest_folders import write_new
from reconciler.errors import ReconcilerError


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Files end at a size, which fails a write as a full disk does."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_what_exists_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"

    written = [write_new(path, "first"), write_new(path, "second")]

    assert [True, False] == written
    assert "first" == path.read_text()


def test_half_a_manifest_is_not_left_on_a_full_disk(tmp_path: Path) -> None:
    """The next run would take it for somebody's work and leave it."""
    path = tmp_path / "a.yaml"

    with full_disk(10), pytest.raises(ReconcilerError, match="Cannot write"):
        write_new(path, "x" * 100)

    assert not path.exists()
