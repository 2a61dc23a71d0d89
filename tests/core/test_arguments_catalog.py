"""The join of help text and built-in knowledge, and what forks make of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.core.arguments import (
    Kind,
    PolicyRules,
    Tier,
    Written,
    assumed_table,
    check,
    emit,
    option_table,
)
from reconciler.core.arguments.catalog import KNOWN
from reconciler.core.arguments.help import parse_help
from reconciler.spec.problems import Severity

DATA = Path(__file__).parents[1] / "fakes" / "data"
HELP = (DATA / "help_b11434.txt").read_text()
BUILD = option_table(HELP)

# In the manner of ik_llama.cpp: names indented, hints missing, one help text for all its programs.
FORK_HELP = """\
usage: ./llama-server [options]

general:

  -t,    --threads N              number of threads to use during generation (default: 4)
  -c,    --ctx-size N             size of the prompt context (default: 0, 0 = loaded from model)
  -fa,   --flash-attn             enable Flash Attention (default: disabled)
  -no-fa, --no-flash-attn         disable Flash Attention
  -rtr,  --run-time-repack        repack tensors if interleaved variant is available
  -amb,  --attention-max-batch N  max batch size for attention computations (default: 0)
  -gap,  --graph-attn-precision   Flash-attn precision under -sm graph (default: f16)
         --adaptive-target        adaptive-p sampling: (default: -1.00, <0.0 = disabled)
         --banned-string-file     file path of the list of banned strings on each line
         --weights-list FNAME     tensors to keep in fast memory
         --scheduler_async        Async evaluation of compute graphs: 0)
  -p,    --prompt PROMPT          prompt to start generation with
  -cnv,  --conversation           run in conversation mode
  -nkvo, --no-kv-offload          disable KV offload
  -cb,   --cont-batching          enable continuous batching (default: enabled)
  -nocb, --no-cont-batching       disable continuous batching
  -ctk,  --cache-type-k TYPE      KV cache data type for K (default: f16)
  -sm,   --split-mode SPLIT_MODE  how to split the model across multiple GPUs, one of:
                                    - none: use one GPU only
                                    - graph: split model tensors and computation graph across GPUs
                                    - layer (default): split layers and KV across GPUs
         --mlock                  force system to keep model in RAM
         --no-mmap                do not memory-map model
         --lora FNAME             apply LoRA adapter (can be repeated to use multiple adapters)
         --lora-scaled FNAME S    apply LoRA adapter with user defined scaling S
         --draft-max N            number of tokens to draft (default: 16)
         --context-shift (auto|on|off|0|1)
                                  set context-shift (default: on)
         --no-context-shift       disable context-shift.
         --spec-type SPEC[:k=v,...]
                                  canonical speculative stage entry
         --sql-save-file FNAME    save tokens to a SQL file
         --sqlite-zstd-ext-file FNAME
                                  path to an extension library
         --no-display-hint        be quiet
  -gr,   --graph-reuse            use graphs again (default: enabled)
  -no-gr, --no-graph-reuse        build every graph anew (default: disabled)
  -ld,   --logdir LOGDIR          folder for logs
         --no-warmup              skip warming up the model with an empty run
"""
FORK = option_table(FORK_HELP)


def argv(args: dict[str, object], rules: PolicyRules | None = None) -> list[str]:
    checked = check(Written(args=args), rules=rules or PolicyRules(), options=FORK)
    assert checked.ok, checked.problems
    return emit(checked.settings)


def refusal(args: dict[str, object], rules: PolicyRules | None = None) -> str:
    checked = check(Written(args=args), rules=rules or PolicyRules(), options=FORK)
    found = [f"{p.message} ({p.hint})" for p in checked.problems if p.severity is Severity.ERROR]
    assert 1 == len(found), found
    return found[0]


def test_each_of_the_413_names_of_the_real_help_has_a_row() -> None:
    offered = {name for offer in parse_help(HELP) for name in offer.names}
    known = {name for row in KNOWN for name in row.spellings}

    assert 413 == len(offered)
    assert set() == offered - known


def test_no_name_has_two_rows() -> None:
    spellings = [name for row in KNOWN for name in row.spellings]

    assert sorted(set(spellings)) == sorted(spellings)


def test_rows_that_the_real_help_lacks_are_marked_as_those_of_forks() -> None:
    offered = {name for offer in parse_help(HELP) for name in offer.names}

    assert [] == [row.name for row in KNOWN if not row.fork and not set(row.spellings) <= offered]
    assert [] == [row.name for row in KNOWN if row.fork and set(row.spellings) & offered]


def test_nothing_in_the_real_help_is_unknown() -> None:
    assert [] == [option.name for option in BUILD.options if option.tier is Tier.UNKNOWN]


def test_what_is_denied_or_managed_says_why_or_what_to_use() -> None:
    silent = [
        option.name
        for option in BUILD.options
        if (option.tier is Tier.DENY and not (option.risk or option.removed))
        or (option.tier is Tier.MANAGED and not (option.owner or option.instead))
    ]

    assert [] == silent


def test_options_that_carry_paths_are_confined() -> None:
    loose = [
        option.name
        for option in BUILD.options
        if option.kind in (Kind.PATH, Kind.SCALED_PATH)
        and option.tier not in (Tier.PATH, Tier.MANAGED, Tier.DENY)
    ]

    assert [] == loose


def test_the_table_that_stands_in_for_a_binary_agrees_with_a_real_one() -> None:
    shapes = {option.name: (option.tier, option.arity, set(option.negative)) for option in BUILD.options}

    assert shapes == {
        option.name: (option.tier, option.arity, set(option.negative)) for option in assumed_table().options
    }


def test_b0_5_what_a_build_offers_decides() -> None:
    assert ["--mlock"] == argv({"mlock": True})
    assert ["--no-mmap"] == argv({"no-mmap": True})
    assert "write mlock: true" in refusal({"load-mode": "mlock"})
    assert ["--draft-max", "8"] == argv({"draft-max": 8})
    assert "write draft-max" in refusal({"spec-draft-n-max": 8})


def test_a_bare_flash_attention_flag_takes_true_and_false_only() -> None:
    assert ["--flash-attn"] == argv({"flash-attn": True})
    assert ["--no-flash-attn"] == argv({"flash-attn": False})
    assert "must be true or false" in refusal({"flash-attn": "auto"})


def test_choices_come_from_the_build_and_where_it_lists_none_any_plain_word_goes() -> None:
    split = FORK.by_name("split-mode")

    assert split is not None
    assert ("none", "graph", "layer") == split.choices
    assert ["--cache-type-k", "q8_KV"] == argv({"cache-type-k": "q8_KV"})
    assert "plain word" in refusal({"spec-type": "suffix:suffix_corpus='/etc/passwd'"})


def test_two_value_and_repeated_forms_of_older_builds() -> None:
    assert ["--lora-scaled", "a.gguf", "0.5"] == argv({"lora-scaled": ["a.gguf", 0.5]})
    assert ["--lora", "a,b.gguf"] == argv({"lora": "a,b.gguf"})


def test_separate_entries_for_on_and_off_are_one_option() -> None:
    assert ["--no-cont-batching"] == argv({"cont-batching": False})
    assert ["--no-kv-offload"] == argv({"kv-offload": False})
    assert [] == argv({"kv-offload": True})
    assert [] == argv({"warmup": True})
    assert "same option" in refusal({"cont-batching": True, "no-cont-batching": True})


def test_a_flag_that_became_a_switch_takes_words_and_booleans() -> None:
    assert ["--context-shift", "off"] == argv({"context-shift": False})
    assert ["--context-shift", "auto"] == argv({"context-shift": "auto"})
    assert ["--context-shift", "off"] == argv({"no-context-shift": True})


def test_a_missing_hint_does_not_turn_a_number_into_a_flag() -> None:
    assert ["--adaptive-target", "0.5"] == argv({"adaptive-target": 0.5})


def test_an_unknown_option_of_the_build_needs_passthrough_and_then_follows_its_form() -> None:
    rules = PolicyRules(passthrough=("rtr", "amb", "graph-attn-precision", "scheduler-async"))

    assert "passthrough: [run-time-repack]" in refusal({"rtr": True})
    assert ["--run-time-repack"] == argv({"rtr": True}, rules)
    assert ["--attention-max-batch", "512"] == argv({"amb": 512}, rules)
    assert ["--graph-attn-precision", "f16"] == argv({"gap": "f16"}, rules)
    assert ["--scheduler-async"] == argv({"scheduler_async": True}, rules)
    assert "needs a value" in refusal({"amb": True}, rules)


@pytest.mark.parametrize("key", ["banned-string-file", "sql-save-file", "sqlite-zstd-ext-file", "logdir"])
def test_an_unknown_option_with_a_dangerous_name_is_denied_whatever_the_policy(key: str) -> None:
    assert "no policy lifts this" in refusal({key: "x"}, PolicyRules(passthrough=("*",)))


def test_an_unknown_option_is_switched_off_by_its_own_negative_entry() -> None:
    assert ["--no-graph-reuse"] == argv({"graph-reuse": False}, PolicyRules(passthrough=("graph-reuse",)))


@pytest.mark.parametrize(
    "key", ["tools", "agent", "lcd", "override-kv", "hff", "ngl", "kv-unified", "parallel"]
)
def test_a_known_name_that_the_help_text_hides_does_not_pass_through(key: str) -> None:
    assert refusal({key: "x"}, PolicyRules(passthrough=("*",)))


def test_the_scripted_fork_s_help_is_understood() -> None:
    build = option_table((DATA / "help_ik_llama.txt").read_text())
    args = {"mlock": True, "flash-attn": True, "cache-type-k": "q8_KV", "no-warmup": True}

    checked = check(Written(args=args), rules=PolicyRules(), options=build)

    assert ["--cache-type-k", "q8_KV", "--flash-attn", "on", "--mlock", "--no-warmup"] == emit(
        checked.settings
    )
    assert (None, ("none", "graph", "layer")) == (
        build.by_name("kv-unified"),
        split.choices if (split := build.by_name("split-mode")) else (),
    )


def test_a_file_of_an_unknown_option_is_confined() -> None:
    rules = PolicyRules(passthrough=("weights-list",))

    checked = check(Written(args={"weights-list": "fast"}), rules=rules, options=FORK)

    assert ["fast"] == [use.text for use in checked.paths]


@pytest.mark.parametrize("key", ["prompt", "p", "conversation", "cnv"])
def test_options_of_other_programs_are_refused_though_the_fork_lists_them(key: str) -> None:
    assert "llama-cli" in refusal({key: "x"}, PolicyRules(passthrough=("*",)))
