from __future__ import annotations

import io

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reconciler.spec.yaml_writing import scalar

VALUES = st.text() | st.floats(allow_nan=False) | st.integers(-(10**15), 10**15) | st.booleans() | st.none()


@given(VALUES)
def test_every_reader_takes_a_written_value_for_the_same_value(value: object) -> None:
    text = f"key: {scalar(value)}\n"

    old, new = yaml.safe_load(text)["key"], YAML(typ="safe", pure=True).load(io.StringIO(text))["key"]

    assert (type(value), value) == (type(old), old)
    assert (type(value), value) == (type(new), new)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("qwen3-8b/q4_0.gguf", "qwen3-8b/q4_0.gguf"),
        ("two words", "two words"),
        ("no", '"no"'),
        ("1.0", '"1.0"'),
        ("08:00", '"08:00"'),
        ("", '""'),
        ("\x01😀", '"\\u0001😀"'),
        ("\U000e0001", '"\\U000e0001"'),
        (1e-05, "1.0e-05"),
        (0.55, "0.55"),
        (float("-inf"), "-.inf"),
        (True, "true"),
        (None, "null"),
    ],
)
def test_text_is_quoted_only_where_a_reader_could_see_something_else(value: object, text: str) -> None:
    assert text == scalar(value)
