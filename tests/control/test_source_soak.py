"""Ten thousand manifests that went wrong somewhere: each is read or refused in place, none is an accident."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.control.sources import read_sources

ROOT = Path(__file__).parents[2]
PIECES = (
    "\n",
    "  ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!!int ",
    "|\n",
    "\t",
    "'",
    '"',
    "#",
    "---\n",
    "0",
    "null",
    "é",
)


def originals() -> list[str]:
    paths = [*(ROOT / "examples").rglob("*.yaml"), *(ROOT / "manifests").rglob("*.yaml")]
    return [path.read_text() for path in sorted(paths)]


def damaged(text: str, dice: random.Random) -> Iterator[str]:
    """Lines and characters lost, doubled, moved or replaced, a few at a time."""
    lines = text.splitlines(keepends=True)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(lines))
        match dice.randrange(4):
            case 0:
                lines[at] = ""
            case 1:
                lines.insert(dice.randrange(len(lines)), lines[at])
            case 2:
                lines[at] = lines[at].replace("  ", "", 1)
            case _:
                cut = dice.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:cut] + dice.choice(PIECES) + lines[at][cut + dice.randrange(3) :]
    yield from lines


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_damaged_manifests_are_read_or_refused_in_place(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    texts = originals()
    file = tmp_path / "damaged.yaml"
    valid = 0
    for _ in range(500):
        file.write_text("".join(damaged(dice.choice(texts), dice)))
        reading = read_sources([str(file)], environ=os.environ, look_at_machine=False)
        valid += reading.is_valid
        length = len(file.read_text().splitlines())

        assert all(
            1 <= one.line <= length + 1 and one.column >= 1 and one.message for one in reading.diagnostics
        )
    assert 20 < valid < 480  # both paths were walked
