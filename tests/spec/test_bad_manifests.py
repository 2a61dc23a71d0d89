"""Every bad manifest says in its first lines where its one mistake is and what the message must tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.spec.trees import Tree, join, read_file

FOLDER = Path(__file__).parent / "bad"
FILES = sorted(FOLDER.glob("*.yaml"))
GOLDEN = Path(__file__).parent / "bad.txt"
#: What somebody put into the wrong place in these files, and must never see again.
SECRETS = ("hf_AbCdEfGh", "sk-live-AbCdEfGh")


@dataclass(frozen=True)
class Expectation:
    place: str
    path: str
    is_error: bool
    says: tuple[str, ...]


def expectation_of(file: Path) -> Expectation:
    text = file.read_text()
    first = re.match(r"# (expect|warns): (\d+:\d+) ?(.*)\n", text)
    assert first is not None, f"{file.name} does not begin with what it expects"
    says = tuple(re.findall(r"^# says: (.*)$", text, re.MULTILINE))
    return Expectation(first[2], first[3], first[1] == "expect", says)


def read(file: Path) -> Tree:
    return join([read_file(file.name, file.read_bytes())])


def test_there_are_enough_bad_manifests_and_each_has_a_number_of_its_own() -> None:
    numbers = [file.name[:3] for file in FILES]

    assert len(numbers) >= 60
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_one_mistake_is_told_once_at_its_place_with_what_would_be_right(file: Path) -> None:
    expected = expectation_of(file)
    found = read(file).diagnostics

    assert [(f"{one.line}:{one.column}", one.path, one.is_error) for one in found] == [
        (expected.place, expected.path, expected.is_error)
    ]
    assert expected.says, "a mistake whose message nobody checks"
    assert [words for words in expected.says if words not in str(found[0])] == []


def test_every_message_has_advice_and_none_repeats_a_secret() -> None:
    found = [one for file in FILES for one in read(file).diagnostics]

    assert [str(one) for one in found if not one.hint] == []
    assert [secret for one in found for secret in SECRETS if secret in str(one) + one.excerpt] == []


def test_the_whole_list_reads_as_it_did() -> None:
    """It is reviewed as a whole; running this file as a script writes it anew."""
    assert GOLDEN.read_text() == listing()


def listing() -> str:
    return "".join(f"{one}\n" for file in FILES for one in read(file).diagnostics)


if __name__ == "__main__":
    GOLDEN.write_text(listing())
