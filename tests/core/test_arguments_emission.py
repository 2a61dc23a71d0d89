"""Settings as argv, for options that the launcher sets itself too; numbers, CSV, order."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.arguments import (
    Option,
    PolicyRules,
    Written,
    assumed_table,
    check,
    emit,
    option_table,
    tokens_of,
)
from reconciler.core.arguments.emission import number_text
from reconciler.core.arguments.values import Value, split_csv
from reconciler.errors import PathRefused

BUILD = option_table((Path(__file__).parents[1] / "fakes" / "data" / "help_b11434.txt").read_text())


def named(name: str) -> Option:
    option = BUILD.by_name(name)
    assert option is not None
    return option


@pytest.mark.parametrize(
    ("name", "value", "tokens"),
    [
        ("model", "/m/a.gguf", ["-m", "/m/a.gguf"]),
        ("gpu-layers", "all", ["-ngl", "all"]),
        ("gpu-layers", 30, ["-ngl", "30"]),
        ("tensor-split", (0.55, 0.45), ["--tensor-split", "0.55,0.45"]),
        ("override-tensor", ("exps=CPU", "a=CUDA0"), ["--override-tensor", "exps=CPU,a=CUDA0"]),
        ("agent", False, ["--no-agent"]),
        ("ui", False, ["--no-ui"]),
        ("kv-unified", True, ["--kv-unified"]),
        ("fit", "off", ["--fit", "off"]),
        ("cache-ram", 1024, ["--cache-ram", "1024"]),
        ("offline", True, ["--offline"]),
    ],
)
def test_managed_options_are_written_by_the_same_code(name: str, value: Value, tokens: list[str]) -> None:
    assert tokens == tokens_of(named(name), value)


@pytest.mark.parametrize(
    ("number", "text"),
    [(8, "8"), (0.1, "0.1"), (1e22, "10000000000000000000000"), (1e-7, "0.0000001"), (-1.0, "-1.0")],
)
def test_numbers_are_written_without_an_exponent(number: float, text: str) -> None:
    assert text == number_text(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_reads_back_as_itself(number: float) -> None:
    assert number == float(number_text(number))


@given(st.lists(st.text(alphabet='ab,"/.', min_size=1), min_size=1))
def test_escaped_values_are_split_by_the_engine_into_what_was_meant(paths: list[str]) -> None:
    lora = named("lora")
    resolved = {path: f"/m/{path}" for path in paths}

    tokens = tokens_of(lora, tuple(paths), resolved)

    assert [[f"/m/{path}"] for path in paths] == [split_csv(text) for text in tokens[1::2]]


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("a,b", ["a", "b"]),
        ('"a,b",c', ["a,b", "c"]),
        ('l"3', ['l"3']),
        ('"l""3"', ['l"3']),
        ("a, b", ["a", " b"]),
        ("", [""]),
    ],
)
def test_csv_is_split_as_the_real_parser_was_seen_to_split(text: str, fields: list[str]) -> None:
    assert fields == split_csv(text)


def test_a_scaled_path_that_resolves_to_one_with_a_colon_is_refused() -> None:
    with pytest.raises(PathRefused, match="splits it at ':'"):
        tokens_of(named("lora-scaled"), (("a.gguf", 0.5),), {"a.gguf": "/m:1/a.gguf"})


def test_a_path_that_was_not_confined_reaches_no_engine() -> None:
    with pytest.raises(PathRefused, match="nobody has confined it"):
        tokens_of(named("lora"), ("a.gguf",), {})


def test_unvouched_options_come_last_and_their_bare_flags_at_the_very_end() -> None:
    rules = PolicyRules(passthrough=("*",))
    written = Written(args={"aaa": True, "bbb": 1, "keep": 1}, extra_args=["--zzz", "--threads", "2"])

    checked = check(written, rules=rules, options=assumed_table())

    assert ["--keep", "1", "-t", "2", "--bbb", "1", "--aaa", "--zzz"] == emit(checked.settings)


def test_no_token_has_an_equals_sign_after_an_option() -> None:
    written = Written(args={"threads": 2, "temp": 0.5, "chat-template-kwargs": '{"a": 1}'})

    tokens = emit(check(written, rules=PolicyRules(), options=BUILD).settings)

    assert [] == [token for token in tokens if token.startswith("--") and "=" in token]
