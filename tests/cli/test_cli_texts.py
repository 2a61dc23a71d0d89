"""Tables, terminal text, YAML and JSON of the command line."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler.cli.outputs import as_yaml
from reconciler.cli.tables import table
from reconciler.cli.terminals import printable, text_width

SCALARS = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=12)
WORDS = st.sampled_from(
    ["on", "1e5", "0x1f", "1_000", "08:00", "2027-01-31", "~", "null", "7Gi", "- x", "a: b", "#"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | WORDS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6) | WORDS, inner, max_size=3)
    ),
    max_leaves=8,
)


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    shown = table(("NAME", "KIND"), [("模型", "a"), ("e\u0301t", "b"), ("plain", "")])

    assert shown.splitlines() == ["NAME    KIND", "模型    a", "e\u0301t      b", "plain   -"]


def test_a_cell_cannot_break_its_line_or_steer_the_terminal() -> None:
    assert table(("A",), [("x\ny\x1b[31m",)]).splitlines() == ["A", "x\\ny\\x1b[31m"]


def test_text_that_reads_backwards_is_shown_for_what_it_is() -> None:
    assert "a\\u202eb" == printable("a\u202eb")


def test_ordinary_text_in_any_script_stays_as_it_is() -> None:
    text = "naïve Ж 模型 ไทย 👩\u200d🔬"

    assert text == printable(text)


def test_width_counts_columns_and_not_code_points() -> None:
    assert [4, 1, 0] == [text_width("模型"), text_width("e\u0301"), text_width("\u200d")]


@given(value=VALUES)
def test_yaml_reads_back_as_it_was_by_old_and_new_readers(value: Any) -> None:
    text = as_yaml(value)

    assert value == yaml.safe_load(text)
    assert value == YAML(typ="safe", pure=True).load(text)


def test_yaml_quotes_only_what_could_be_misread() -> None:
    assert "a: plain text\n" == as_yaml({"a": "plain text"})
    assert 'a: "on"\n' == as_yaml({"a": "on"})
    assert "a: 15m\n" == as_yaml({"a": "15m"})
