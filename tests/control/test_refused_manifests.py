"""What the language refuses still goes through preparation, and never ends in a traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.control.sources import read_sources

BAD = sorted((Path(__file__).parents[1] / "spec" / "bad").glob("*.yaml"))


@pytest.mark.parametrize("look_at_machine", [False, True])
def test_every_bad_manifest_is_told_and_nothing_breaks(look_at_machine: bool) -> None:
    """One by one, against the assumed options and against this machine."""
    silent = []
    for path in BAD:
        reading = read_sources([str(path)], environ=os.environ, look_at_machine=look_at_machine)
        for preparation in reading.preparations:
            preparation.command(port=20000)
        if not reading.diagnostics:
            silent.append(path.name)

    assert [] == silent


def test_all_bad_manifests_together_are_one_reading() -> None:
    """Their names collide, their references miss: still one sorted list."""
    found = read_sources([str(path) for path in BAD], environ=os.environ, look_at_machine=False).diagnostics

    assert sorted(found) == list(found)
    assert len(found) >= len(BAD)
