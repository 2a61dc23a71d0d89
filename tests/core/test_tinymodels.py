"""Tiny models are the same bytes for the same arguments, and small."""

from __future__ import annotations

import hashlib
import statistics

import pytest

from reconciler.core.tinymodels.kinds import Kind, build
from reconciler.core.tinymodels.noise import Noise
from reconciler.core.tinymodels.vocabulary import THOUGHTS, WORDS, make_vocabulary
from tests.fakes.header_bytes import parse_header_bytes


@pytest.mark.parametrize("kind", Kind)
def test_the_same_arguments_give_the_same_bytes(kind: Kind) -> None:
    assert build(kind, seed=3) == build(kind, seed=3)
    assert build(kind, seed=3) != build(kind, seed=4)


def test_the_bytes_do_not_depend_on_the_machine() -> None:
    """Exact arithmetic only: this digest is the same everywhere, and changes only on purpose."""
    digest = hashlib.sha256(build("chat")).hexdigest()

    assert digest == "7cb36768b214de8043542159081053126dd8d8ca6010b896d0263dbf0adfb4fc"


def test_models_are_small() -> None:
    assert {kind: len(build(kind)) < 1_500_000 for kind in Kind} == dict.fromkeys(Kind, True)


def test_name_and_context_are_declared() -> None:
    header = parse_header_bytes(build("random", name="babbler", context=512))

    assert header.metadata["general.name"] == "babbler"
    assert header.metadata["llama.context_length"] == 512


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="'huge' is not a valid Kind"):
        build("huge")


def test_noise_has_mean_0_and_deviation_1() -> None:
    drawn = Noise(1).normals(20_000)

    assert abs(statistics.fmean(drawn)) < 0.03
    assert abs(statistics.pstdev(drawn) - 1) < 0.03
    assert Noise(1).normals(3, 2.0) == [2 * number for number in drawn[:3]]


def test_every_word_leads_to_exactly_one_other() -> None:
    vocabulary = make_vocabulary()

    assert len(set(WORDS + THOUGHTS)) == len(WORDS + THOUGHTS)
    assert len(set(vocabulary.tokens)) == len(vocabulary.tokens) == len(vocabulary.types)
    assert [vocabulary.ids[chr(code)] for code in range(33, 127)] == list(range(33, 127))
