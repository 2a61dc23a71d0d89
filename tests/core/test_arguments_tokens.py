"""extraArgs: split as the engine's parser walks argv, then through the same policy."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.arguments import Checked, PolicyRules, Written, check, emit, option_table
from reconciler.spec.problems import Severity

BUILD = option_table((Path(__file__).parents[1] / "fakes" / "data" / "help_b11434.txt").read_text())


def judge(*tokens: object) -> Checked:
    return check(Written(extra_args=tokens), rules=PolicyRules(), options=BUILD)


def errors(*tokens: object) -> list[str]:
    return [f"{p.message} ({p.hint})" for p in judge(*tokens).problems if p.severity is Severity.ERROR]


@pytest.mark.parametrize(
    ("tokens", "argv"),
    [
        (["-t", "8"], ["-t", "8"]),
        (["--threads", "8", "--keep", "-1"], ["-t", "8", "--keep", "-1"]),
        (["--cache_reuse", "256"], ["--cache-reuse", "256"]),
        (["--no-jinja"], ["--no-jinja"]),
        (["-nocb"], ["--no-cont-batching"]),
        (["--temp", "7e-1"], ["--temp", "0.7"]),
        (["--control-vector-layer-range", "10", "20"], ["--control-vector-layer-range", "10", "20"]),
        (["--lora", "a.gguf", "--lora", "b.gguf"], ["--lora", "a.gguf", "--lora", "b.gguf"]),
        (["--lora-scaled", "a.gguf:0.5"], ["--lora-scaled", "a.gguf:0.5"]),
        (["-fa", "auto", "--numa", "isolate"], ["--flash-attn", "auto", "--numa", "isolate"]),
        (["--reverse-prompt", "- item"], ["--reverse-prompt", "- item"]),
        (["--spec-type", "none,ngram-mod"], ["--spec-type", "none,ngram-mod"]),
        (["--mirostat", "2", "--prio", "1"], ["--mirostat", "2", "--prio", "1"]),
    ],
)
def test_s4_30_tokens_are_read_typed_and_written_in_our_spelling(tokens: list[str], argv: list[str]) -> None:
    checked = judge(*tokens)

    assert checked.ok, checked.problems
    assert argv == emit(checked.settings)


@pytest.mark.parametrize(
    ("tokens", "says"),
    [
        (["--threads=8"], 'write "--threads", "value"'),
        (["8"], "'8' belongs to no option"),
        (["-t", "8", "9"], "'9' belongs to no option"),
        (["-t"], "-t needs a value (integer)"),
        (["--control-vector-layer-range", "1"], "needs 2 values"),
        (["-t", "x"], "must be an integer, not 'x'"),
        (["-t", "8.0"], "must be an integer, not '8.0'"),
        (["--temp", "warm"], "must be a number"),
        (["--temp", "nan"], "must be a number"),
        (["-fa", "maybe"], "must be one of on, off, auto"),
        (["--thread", "8"], "did you mean 'threads'?"),
        (["-T", "8"], "no such option"),
        (["-t", "4", "--threads", "8"], "the same option as spec.extraArgs[0]"),
        ([8], 'must be text, not 8 (write "8")'),
        (["--no-jinja", "false"], "'false' belongs to no option"),
        (["--mlock"], "write load-mode: mlock"),
    ],
)
def test_s4_30_what_the_engine_would_stumble_over_is_explained(tokens: list[object], says: str) -> None:
    found = errors(*tokens)

    assert 1 == len(found), found
    assert says in found[0]


def test_s4_30_an_option_in_the_place_of_a_value_means_that_the_value_is_missing() -> None:
    found = errors("--keep", "--tools", "all")

    assert ["--keep needs a value (integer) ()"] == found[:1]
    assert "no policy lifts this" in found[1]


def test_the_values_of_a_refused_option_are_not_reported_again() -> None:
    assert 1 == len(errors("--mcp-servers-json", "{}"))
    assert 1 == len(errors("--unheard-of", "a", "b"))
