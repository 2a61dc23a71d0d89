from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.host.files import read_manifests


@pytest.fixture
def unreadable(tmp_path: Path) -> Iterator[Path]:
    """A directory that not even root can list: its path is longer than the kernel takes."""
    name = "d" * 250
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(17):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    yield tmp_path
    shutil.rmtree(tmp_path / name)


def test_a_directory_that_cannot_be_read_is_told_and_not_passed_over(unreadable: Path) -> None:
    (unreadable / "a.yaml").write_text("kind: Host")

    troubles = [file.trouble for file in read_manifests([str(unreadable)])]

    assert ["", "cannot be read: File name too long"] == troubles


def test_files_come_once_each_and_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "sub/c.yaml", ".hidden.yaml", ".git/d.yaml", "e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("kind: Host")

    found = [file.name for file in read_manifests([str(tmp_path), str(tmp_path / "b.yaml")])]

    assert [str(tmp_path / name) for name in ("a.yml", "b.yaml", "sub/c.yaml")] == found
