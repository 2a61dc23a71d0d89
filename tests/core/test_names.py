from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.names import LONGEST, folded, unused


@given(st.text(max_size=200))
def test_a_folded_name_is_one_that_manifests_allow(words: str) -> None:
    name = folded(words)

    assert re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", name)
    assert name == folded(name)


@pytest.mark.parametrize(
    ("name", "taken", "found"),
    [
        ("a", set(), "a"),
        ("a", {"a"}, "a-2"),
        ("a", {"a", "a-2"}, "a-3"),
        ("x" * LONGEST, {"x" * LONGEST}, "x" * (LONGEST - 2) + "-2"),
    ],
)
def test_a_taken_name_gets_the_next_number(name: str, taken: set[str], found: str) -> None:
    assert found == unused(name, taken)
