from __future__ import annotations

import re

import pytest

from reconciler.cli.exit_codes import MEANINGS
from reconciler.cli.parsers import parser_of
from reconciler.cli.reference import reference
from reconciler.cli.verbs import GROUPS, VERBS, Verb, load
from reconciler.errors import ReconcilerError
from tests.cli.running import ROOT


def test_the_page_is_fresh() -> None:
    """`python -m reconciler.cli.reference > docs/cli.md` makes it so."""
    assert (ROOT / "docs" / "cli.md").read_text() == reference() + "\n"


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: str(verb.words))
def test_every_verb_says_what_it_does_and_shows_examples(verb: Verb) -> None:
    module = load(verb)

    assert len(verb.summary) > 15
    assert len(module.DESCRIPTION) > 30
    assert module.EXAMPLES
    assert all(f"reconciler {verb.words}" in command and purpose for command, purpose in module.EXAMPLES)
    assert f"## reconciler {verb.words}\n" in reference()


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: str(verb.words))
def test_every_argument_has_its_help_and_the_name_of_its_value(verb: Verb) -> None:
    for action in parser_of(verb).actions:
        assert action.help
        assert action.nargs == 0 or action.metavar


def test_every_group_of_verbs_is_described() -> None:
    assert {verb.words.split()[0] for verb in VERBS if " " in verb.words} == set(GROUPS)


def test_every_exit_code_of_a_failure_is_documented() -> None:
    def codes(failure: type[ReconcilerError]) -> set[int]:
        return {failure.exit_code}.union(*(codes(one) for one in failure.__subclasses__()))

    assert codes(ReconcilerError) <= MEANINGS.keys()
    assert [*MEANINGS] == [int(code) for code in re.findall(r"^\| (\d+) \|", reference(), re.MULTILINE)]
