"""The one policy for args and extraArgs: what rules take away, what fields own, what must be confined."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from reconciler.core.arguments import (
    Checked,
    Limit,
    PolicyRules,
    Written,
    assumed_table,
    check,
    emit,
    narrow,
    option_table,
    overlay,
)
from reconciler.spec.problems import Severity

HELP = (Path(__file__).parents[1] / "fakes" / "data" / "help_b11434.txt").read_text()
BUILD = option_table(HELP)
EVERYTHING = PolicyRules(allow=("*",), passthrough=("*",))


FUTURE = option_table(
    HELP
    + """\
--new-thing N                           does something
--new-word WORD                         does something
--new-flag                              does something
"""
)


def judge(
    args: Mapping[str, object] | None = None,
    extra_args: Sequence[object] = (),
    rules: PolicyRules | None = None,
    **written: object,
) -> Checked:
    asked = Written(args=args or {}, extra_args=extra_args, **written)  # type: ignore[arg-type] # each test names fields of Written
    return check(asked, rules=rules or PolicyRules(), options=BUILD)


def messages(checked: Checked, severity: Severity = Severity.ERROR) -> list[str]:
    return [f"{p.message} ({p.hint})" for p in checked.problems if p.severity is severity]


def test_s0_9_unknown_keys_fail_in_order_each_with_the_nearest_name() -> None:
    checked = judge({"zzz": 1, "ctx_sise": 4096, "tempp": 0.5})

    assert [("spec", "args", key) for key in ("ctx_sise", "tempp", "zzz")] == [
        p.path for p in checked.problems
    ]
    assert "did you mean 'ctx-size'?" in messages(checked)[0]
    assert "did you mean 'temp'?" in messages(checked)[1]


def test_s0_9_passthrough_writes_the_key_with_dashes_and_drops_what_is_off() -> None:
    rules = PolicyRules(passthrough=("new_*",))
    args = {"new_thing": 5, "new_flag": True, "new_word": "abc"}
    off = {"new_flag": False, "new_word": None}

    checked = check(Written(args=args), rules=rules, options=FUTURE)

    assert [] == messages(checked)
    assert ["--new-thing", "5", "--new-word", "abc", "--new-flag"] == emit(checked.settings)
    assert [] == emit(check(Written(args=off), rules=rules, options=FUTURE).settings)


def test_s0_9_what_the_build_does_not_offer_is_an_error_whatever_passes_through() -> None:
    assert (
        "this build of the engine has no such option"
        in messages(judge({"new-thing": 5}, rules=EVERYTHING))[0]
    )


def test_s0_9_without_a_binary_to_ask_a_name_that_passes_through_is_taken_on_trust() -> None:
    written = Written(args={"rtr": True, "amb": 512})

    checked = check(written, rules=PolicyRules(passthrough=("rtr", "amb")), options=assumed_table())

    assert ["--amb", "512", "--rtr"] == emit(checked.settings)


def test_passthrough_does_not_revive_what_the_engine_has_dropped() -> None:
    assert "load-mode: mlock" in messages(judge({"mlock": True}, rules=EVERYTHING))[0]


def test_allow_and_deny_take_away_by_any_name_of_an_option() -> None:
    only = PolicyRules(allow=("t", "rope-*"))
    but = PolicyRules(deny=("n_gpu*", "threads_batch"), name="homelab")

    assert judge({"threads": 4, "rope_freq_base": 1.0}, rules=only).ok
    assert "allows only t, rope-*" in messages(judge({"keep": 1}, rules=only))[0]
    assert "ArgPolicy 'homelab' denies it" in messages(judge({"tb": 4}, rules=but))[0]


def test_limits_hold_for_every_spelling_and_for_tokens() -> None:
    rules = PolicyRules(limits={"t": Limit(maximum=12), "temp": Limit(0.1, 1.5)})

    assert "at most 12" in messages(judge({"threads": 16}, rules=rules))[0]
    assert "at most 12" in messages(judge(extra_args=["--threads", "16"], rules=rules))[0]
    assert "at least 0.1" in messages(judge({"temperature": 0.0}, rules=rules))[0]
    assert judge({"threads": 12, "temp": 1.5}, rules=rules).ok


def test_a_maximum_also_excludes_the_negative_values_that_mean_unbounded() -> None:
    rules = PolicyRules(limits={"predict": Limit(maximum=4096)})

    assert not judge({"predict": -1}, rules=rules).ok
    assert judge({"predict": -1}, rules=PolicyRules(limits={"predict": Limit(-1, 4096)})).ok


def test_narrowed_rules_allow_only_what_both_allow() -> None:
    host = PolicyRules(allow=("*",), passthrough=("rtr", "amb"), limits={"threads": Limit(maximum=12)})
    runtime = PolicyRules(allow=("threads", "amb", "rtr"), passthrough=("amb",), limits={"threads": Limit(2)})

    both = narrow(host, runtime)

    def allowed(args: dict[str, object]) -> bool:
        return check(Written(args=args), rules=both, options=assumed_table()).ok

    assert allowed({"threads": 8, "amb": 1})
    assert [] == [
        args for args in ({"keep": 1}, {"threads": 16}, {"threads": 1}, {"rtr": True}) if allowed({**args})
    ]


def test_an_option_that_a_structured_field_owns_is_accepted_with_a_warning_but_not_twice() -> None:
    alone = judge({"ctx_size": 4096})
    twice = judge({"ctx_size": 4096}, owned=frozenset({"ctx-size"}))

    assert alone.ok
    assert "write spec.context.size" in messages(alone, Severity.WARNING)[0]
    assert "spec.context.size sets it already" in messages(twice)[0]


def test_sampling_options_hint_at_request_defaults() -> None:
    checked = judge({"temp": 0.7})

    assert checked.ok
    assert "spec.request.defaults" in messages(checked, Severity.WARNING)[0]


def test_a_runtime_is_not_told_to_use_fields_that_it_lacks() -> None:
    assert () == judge({"ctx_size": 4096, "temp": 0.7}, operator=True).problems


def test_a_deprecated_option_warns() -> None:
    assert "deprecated" in messages(judge({"defrag-thold": 0.1}), Severity.WARNING)[0]


def test_the_same_option_in_args_and_extra_args_is_an_error_that_names_both() -> None:
    found = messages(judge({"threads": 4}, ["-t", "8"]))

    assert 1 == len(found)
    assert "spec.args.threads" in found[0]
    assert "'-t'" in found[0]


def test_names_in_args_stand_without_dashes() -> None:
    assert "write 'threads'" in messages(judge({"--threads": 4}))[0]


def test_problems_point_at_keys_and_values_of_the_deployment() -> None:
    checked = judge({"threads": "8", "nope": 1}, ["--nope"])

    assert [
        (("spec", "args", "nope"), True),
        (("spec", "args", "threads"), False),
        (("spec", "extraArgs", 0), False),
    ] == [(problem.path, problem.at_key) for problem in checked.problems]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("grammar_file", "g.gbnf"),
        ("json_schema_file", "s.json"),
        ("chat_template_file", "t.jinja"),
        ("control_vector", "v.gguf"),
        ("mmproj", "p.GGUF"),
        ("model_draft", "d.gguf"),
        ("lora", "/srv/models/l.gguf"),
        ("lookup_cache_static", "cache.bin"),
    ],
)
def test_s0_13_each_path_is_returned_to_be_confined(key: str, text: str) -> None:
    by_key = judge({key: text})
    by_token = judge(extra_args=[f"--{key}", text])

    assert [(("spec", "args", key), text)] == [(use.path, use.text) for use in by_key.paths]
    assert [(("spec", "extraArgs", 0), text)] == [(use.path, use.text) for use in by_token.paths]


def test_s0_13_one_value_can_name_several_files_and_each_is_confined() -> None:
    expected = ["a.gguf", "b,c.gguf", 'd"e.gguf']
    text = 'a.gguf,"b,c.gguf","d""e.gguf"'

    assert expected == [use.text for use in judge({"lora": text}).paths]
    assert expected == [use.text for use in judge({"lora": expected}).paths]
    assert expected == [use.text for use in judge(extra_args=["--lora", text]).paths]
    assert not judge({"lora": "a.gguf,/etc/passwd"}).ok


def test_s0_13_the_file_of_a_scaled_adapter_is_confined() -> None:
    assert ["a.gguf"] == [use.text for use in judge({"lora_scaled": ["a.gguf", 0.5]}).paths]
    assert ["a.gguf", "b.gguf"] == [use.text for use in judge({"lora_scaled": "a.gguf:0.5,b.gguf:1"}).paths]
    assert not judge({"lora_scaled": ["a:b.gguf", 0.5]}).ok


def test_b0_12_paths_stay_as_written_until_the_host_has_resolved_them() -> None:
    checked = judge({"lora": ["a.gguf", "b.gguf"], "grammar_file": "g.gbnf"})

    assert ["--grammar-file", "/m/g.gbnf", "--lora", "/m/a.gguf", "--lora", '"/m/b,1.gguf"'] == emit(
        checked.settings, {"a.gguf": "/m/a.gguf", "b.gguf": "/m/b,1.gguf", "g.gbnf": "/m/g.gbnf"}
    )


def test_the_order_of_keys_changes_nothing() -> None:
    forth = judge({"threads": 4, "c": 4096, "keep": 1})
    back = judge({"keep": 1, "ctx_size": 4096, "t": 4})

    assert emit(forth.settings) == emit(back.settings)


def test_a_deployment_s_setting_replaces_that_of_its_runtime() -> None:
    below = judge({"threads": 4, "keep": 1}, operator=True).settings
    above = judge({"t": 8}).settings

    assert ["--keep", "1", "-t", "8"] == emit(overlay(below, above))


def test_without_a_binary_the_current_engine_s_options_stand_in() -> None:
    written = Written(args={"jinja": False, "ctx-size": 4096, "ctx_sise": 1}, extra_args=["--tools", "all"])

    checked = check(written, rules=PolicyRules(), options=assumed_table())

    assert ["-c", "4096", "--no-jinja"] == emit(checked.settings)
    assert ["did you mean 'ctx-size'?", "no policy lifts this"] == [
        next(part for part in ("did you mean 'ctx-size'?", "no policy lifts this") if part in message)
        for message in messages(checked)
    ]


def test_without_a_binary_what_only_forks_have_is_a_warning() -> None:
    args = {"mlock": True, "draft-max": 8, "cache-type-k": "q8_KV"}

    checked = check(Written(args=args), rules=PolicyRules(), options=assumed_table())

    assert ["--cache-type-k", "q8_KV", "--draft", "8", "--mlock"] == emit(checked.settings)
    assert 3 == sum("not checked" in message for message in messages(checked, Severity.WARNING))


def test_without_a_binary_a_value_is_still_a_plain_word() -> None:
    written = Written(args={"cache-type-k": "/etc/passwd"}, extra_args=["--cache-type-v", "a b"])

    assert 2 == len(messages(check(written, rules=PolicyRules(), options=assumed_table())))


@pytest.mark.parametrize("text", ["4096", " 4096", "4096 ", "0x1000", "4k", "4096.0", "nan"])
def test_a_limit_on_what_passes_through_holds_for_numbers_written_as_text(text: str) -> None:
    rules = PolicyRules(passthrough=("new-*",), limits={"new_thing": Limit(maximum=512)})

    as_value = check(Written(args={"new-thing": text}), rules=rules, options=FUTURE)
    as_token = check(Written(extra_args=["--new-thing", text]), rules=rules, options=FUTURE)
    within = check(Written(extra_args=["--new-thing", "512"]), rules=rules, options=FUTURE)

    assert (False, False, True) == (as_value.ok, as_token.ok, within.ok)


@pytest.mark.parametrize("written", ["n_ctx", "n-ctx", "ctx-size", "c", "--ctx_size"])
def test_a_policy_may_name_an_option_as_manifests_do(written: str) -> None:
    denied = check(Written(args={"ctx-size": 64}), rules=PolicyRules(deny=(written,)), options=BUILD)
    limited = check(
        Written(args={"c": 64}), rules=PolicyRules(limits={written: Limit(maximum=8)}), options=BUILD
    )

    assert (False, False) == (denied.ok, limited.ok)


def test_a_manifest_full_of_tokens_is_read_in_time() -> None:
    begun = time.process_time()

    check(Written(extra_args=["-t"] * 150_000), rules=EVERYTHING, options=BUILD)

    assert time.process_time() - begun < 8


def test_a_name_that_the_fork_takes_and_does_not_list_is_known() -> None:
    """ik_llama.cpp takes -rtr, and its help lists only --run-time-repack; the policy may name either."""
    help_text = (Path(__file__).parents[1] / "fakes" / "data" / "help_ik_llama.txt").read_text()
    written = Written(args={"rtr": True, "amb": 512})

    checked = check(written, rules=PolicyRules(passthrough=("rtr", "amb")), options=option_table(help_text))

    assert () == checked.problems
    assert {"--run-time-repack", "512"} <= set(emit(checked.settings))
