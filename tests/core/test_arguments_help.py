"""The help text of a binary: both layouts, wrapped lines, value shapes, choices, defaults."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from reconciler.core.arguments.help import Offer, parse_help

RECORDED = Path(__file__).parents[1] / "fakes" / "data" / "help_b11434.txt"

OLD_LAYOUT = """\
usage: ./llama-server [options]

general:

  -h,    --help, --usage          print usage and exit
  -fa,   --flash-attn             enable Flash Attention (default: disabled)
  -nkvo, --no-kv-offload          disable KV offload
  -sm,   --split-mode SPLIT_MODE
                                  how to split the model across multiple GPUs, one of:
                                    - none: use one GPU only
                                    - graph: split model tensors across GPUs
                                    - layer (default): split layers and KV across GPUs
         --lora-scaled FNAME S    apply LoRA adapter with user defined scaling S
         --embedding(s)           restrict to only support embedding use case
         --context-shift (auto|on|off|0|1)
                                  set context-shift (default: on)
  -rea,  --reasoning              [on|off|auto]Use reasoning in the chat
  -khad,  --k-cache-hadamard,     Use Hadamard transform for K-cache (default: 0)
  -t N,  --threads N              number of threads (default: 4)
"""


@pytest.fixture(scope="module")
def recorded() -> dict[str, Offer]:
    return by_name(RECORDED.read_text())


def by_name(text: str) -> dict[str, Offer]:
    return {name: offer for offer in parse_help(text) for name in offer.names}


def test_every_option_of_the_recorded_build_is_found(recorded: dict[str, Offer]) -> None:
    entries = {id(offer) for offer in recorded.values()}

    assert (413, 256) == (len(recorded), len(entries))


@pytest.mark.llama_server
def test_the_recorded_help_is_what_the_real_binary_prints(llama_server: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    printed = subprocess.run(
        [llama_server, "--help"], capture_output=True, text=True, check=True, env=environment, timeout=30
    )

    assert RECORDED.read_text() == printed.stdout


def test_negative_names_follow_the_last_positive_long_name(recorded: dict[str, Offer]) -> None:
    offer = recorded["--cont-batching"]

    assert ("-cb", "--cont-batching") == offer.positive
    assert ("-nocb", "--no-cont-batching") == offer.negative


@pytest.mark.parametrize(
    ("name", "arity"),
    [
        ("--metrics", 0),
        ("--threads", 1),
        ("--flash-attn", 1),
        ("--override-tensor", 1),
        ("--control-vector-layer-range", 2),
        ("--hf-repo", 1),
    ],
)
def test_the_hint_tells_how_many_values_follow(recorded: dict[str, Offer], name: str, arity: int) -> None:
    assert arity == recorded[name].arity


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("--split-mode", ("none", "layer", "row", "tensor")),
        ("--flash-attn", ("on", "off", "auto")),
        ("--cpu-strict", ("0", "1")),
        ("--cache-type-k", ("f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1")),
        ("--load-mode", ("auto", "none", "mmap", "mlock", "mmap+mlock", "dio")),
        ("--reasoning-format", ("none", "deepseek", "deepseek-legacy", "auto")),
        ("--threads", ()),
    ],
)
def test_choices_are_read_in_all_three_forms(
    recorded: dict[str, Offer], name: str, choices: tuple[str, ...]
) -> None:
    assert choices == recorded[name].choices


def test_environment_twins_and_defaults_are_read_across_wrapped_lines(recorded: dict[str, Offer]) -> None:
    assert "LLAMA_ARG_SWA_FULL" == recorded["--swa-full"].env
    assert "same as --threads" == recorded["--threads-batch"].default
    assert recorded["--jinja"].default_on
    assert not recorded["--context-shift"].default_on


def test_removed_options_carry_what_replaces_them(recorded: dict[str, Offer]) -> None:
    assert "use --spec-draft-n-max or --spec-ngram-mod-n-max" == recorded["--draft-max"].removed


def test_the_older_layout_of_forks_is_read_too() -> None:
    old = by_name(OLD_LAYOUT)

    assert 0 == old["--flash-attn"].arity
    assert ("none", "graph", "layer") == old["--split-mode"].choices
    assert 2 == old["--lora-scaled"].arity
    assert {"--embedding", "--embeddings"} <= old.keys()
    assert ("auto", "on", "off", "0", "1") == old["--context-shift"].choices
    assert ("on", "off", "auto") == old["--reasoning"].choices
    assert 0 == old["--k-cache-hadamard"].arity
    assert ("-t", "--threads") == old["--threads"].positive
    assert ("-nkvo", "--no-kv-offload") == old["-nkvo"].positive


@pytest.mark.parametrize("text", ["", "error: no such file\n", "  \n\n", "usage: x\n- not an option\n" * 3])
def test_text_that_is_no_help_offers_nothing(text: str) -> None:
    assert () == parse_help(text)


@pytest.mark.parametrize("flood", [" " * 900_000, "\t" * 900_000, "<" * 900_000, "-a, " * 200_000])
def test_a_binary_that_floods_its_help_does_not_hold_us(flood: str) -> None:
    begun = time.process_time()

    parse_help(f"--x {flood}\n")

    assert time.process_time() - begun < 5
