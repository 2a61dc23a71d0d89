"""What no policy lifts: denied and managed options, secrets, and everything that could smuggle one of them in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.arguments import (
    Checked,
    Option,
    OptionTable,
    PolicyRules,
    Tier,
    Written,
    assumed_table,
    check,
    emit,
    option_table,
)
from reconciler.core.arguments.help import parse_help
from reconciler.core.arguments.refusals import is_secret
from reconciler.spec.problems import Severity

HELP = (Path(__file__).parents[1] / "fakes" / "data" / "help_b11434.txt").read_text()
BUILD = option_table(HELP)
ARITY = {name: offer.arity for offer in parse_help(HELP) for name in offer.names}
EVERYTHING = PolicyRules(allow=("*",), passthrough=("*",))
DENIED = [option for option in BUILD.options if option.tier is Tier.DENY]
CLOSED = [option for option in BUILD.options if option.tier in (Tier.DENY, Tier.MANAGED)]
VALUES = (
    *("8", "-1", "0.5", "x", "on", "", " ", "--", "-", "none", "q8_0", "1e5", "a\0", "--tools\0", "--tools"),
    *(
        "all",
        "--agent",
        "-ag",
        "--no_agent",
        "-m",
        "a.gguf",
        "a.gguf,b.gguf",
        "a.gguf:0.5",
        '"a,b"',
        "/etc/passwd",
    ),
)


FUTURE = option_table(f"{HELP}--new-thing N{'':27}does something\n--new-flag{'':30}does something\n")
# An option that passes through: of a known form, a bare flag as forks list options with values too, or unlisted.
PASSING = pytest.mark.parametrize(
    ("key", "options"),
    [("new-thing", FUTURE), ("new-flag", FUTURE), ("new-thing", assumed_table())],
    ids=["valued", "bare", "assumed"],
)


def judge(
    args: Mapping[str, object] | None = None,
    extra_args: Sequence[object] = (),
    rules: PolicyRules | None = None,
    options: OptionTable = BUILD,
    **written: object,
) -> Checked:
    asked = Written(args=args or {}, extra_args=extra_args, **written)  # type: ignore[arg-type] # each test names fields of Written
    return check(asked, rules=rules or PolicyRules(), options=options)


def messages(checked: Checked, severity: Severity = Severity.ERROR) -> list[str]:
    return [f"{p.message} ({p.hint})" for p in checked.problems if p.severity is severity]


def forms(name: str) -> Iterator[str]:
    key = name.lstrip("-")
    yield from {key, key.replace("-", "_")}


def values(option: Option) -> tuple[object, ...]:
    return (True, False) if option.arity == 0 else ("x", 1, "/etc/passwd", ["x"])


@pytest.mark.parametrize("option", CLOSED, ids=lambda option: option.name)
def test_no_policy_lifts_a_core_denial_in_args(option: Option) -> None:
    for name in (*option.positive, *option.negative):
        for key in forms(name):
            for value in values(option):
                checked = judge({key: value}, rules=EVERYTHING)

                assert not checked.ok, (key, value)
                assert () == checked.settings


@pytest.mark.parametrize("option", CLOSED, ids=lambda option: option.name)
def test_no_policy_lifts_a_core_denial_in_extra_args(option: Option) -> None:
    for name in (*option.positive, *option.negative):
        spellings = {name, name.replace("-", "_").replace("_", "-", 2 if name.startswith("--") else 1)}
        for token in (*spellings, f"{name}=x"):
            for rest in ([], ["x"], ["x", "y"]):
                checked = judge(extra_args=[token, *rest], rules=EVERYTHING)

                assert not checked.ok, (token, rest)
                assert () == checked.settings


@pytest.mark.parametrize(
    "option", [option for option in BUILD.options if option.env], ids=lambda option: option.env
)
@pytest.mark.parametrize("operator", [False, True])
def test_bx_3_no_policy_lifts_the_environment_twin_of_an_option(option: Option, operator: bool) -> None:
    for name in (option.env, option.env.replace("LLAMA_ARG_", "LLAMA_ARG_NO_"), option.env.lower()):
        checked = judge(env={name: "1"}, rules=EVERYTHING, operator=operator)

        assert not checked.ok
        assert {} == checked.env


def test_the_denied_are_those_that_run_fetch_publish_write_or_listen() -> None:
    names = {option.name for option in DENIED}

    assert {
        *("tools", "tools-runtime", "agent", "mcp-servers-config", "mcp-servers-json", "ui-mcp-proxy", "rpc"),
        *("model-url", "mmproj-url", "docker-repo", "hf-repo", "hf-file", "hf-token", "spec-draft-hf"),
        *("log-file", "log-prompts-dir", "lookup-cache-dynamic", "path", "media-path", "ui-config-file"),
        *(
            "video-ffmpeg-dir",
            "models-preset",
            "models-dir",
            "override-kv",
            "reuse-port",
            "gpt-oss-20b-default",
        ),
    } <= names


@pytest.mark.parametrize(
    "key",
    [
        *("api_key", "api-key", "apiKey", "API_KEY", "ApiKey", "apikey", "hf-token", "hf_token", "hfToken"),
        *("HF_TOKEN", "token", "TOKEN", "openai_api_key", "openaiApiKey", "OPENAI_API_KEY"),
        *("anthropic_api_key", "anthropic-api-key", "anthropicApiKey", "hft", "password", "client_secret"),
    ],
)
def test_s0_10_a_secret_is_refused_in_every_spelling_and_never_shown(key: str) -> None:
    by_name = messages(judge({key: "hush-hush-1"}, rules=EVERYTHING))
    by_token = messages(judge(extra_args=[f"--{key}", "hush-hush-1"], rules=EVERYTHING))
    by_equals = messages(judge(extra_args=[f"--{key}=hush-hush-1"], rules=EVERYTHING))

    for found in (by_name, by_token, by_equals):
        assert 1 == len(found)
        assert "spec.secretEnv" in found[0]
        assert "Host.spec.auth" in found[0]
        assert "hush" not in found[0]


def test_the_engine_s_own_names_are_not_taken_for_secrets() -> None:
    secrets = {option.name for option in BUILD.options if any(map(is_secret, option.keys))}

    assert {"api-key", "hf-token"} == secrets


@PASSING
def test_a_plain_value_passes_through(key: str, options: OptionTable) -> None:
    checked = judge({key: "abc"}, rules=EVERYTHING, options=options)

    assert [f"--{key}", "abc"] == emit(checked.settings)


@PASSING
@pytest.mark.parametrize("value", ["/etc/passwd", "./x", "../x", "~/x", "a/b"])
def test_b0_4_path_like_values_of_passthrough_options_are_confined_or_refused(
    key: str, options: OptionTable, value: str
) -> None:
    checked = judge({key: value}, rules=EVERYTHING, options=options)

    assert not checked.ok or [value] == [use.text for use in checked.paths]


@PASSING
@pytest.mark.parametrize(
    "value", ["a,/etc/passwd", "key=/etc/passwd", "/a:/b", "x /etc", '"/etc/x"', "a\0b", "/a;b", "C:\\x"]
)
def test_b0_4_a_path_cannot_hide_inside_a_passthrough_value(
    key: str, options: OptionTable, value: str
) -> None:
    assert not judge({key: value}, rules=EVERYTHING, options=options).ok


@PASSING
@pytest.mark.parametrize("value", ["--tools", "--agent", "-ag", "--log_file", "--anything", "-x"])
def test_b0_4_a_passthrough_value_cannot_become_an_option(key: str, options: OptionTable, value: str) -> None:
    assert not judge({key: value}, rules=EVERYTHING, options=options).ok
    assert not judge({key: [value]}, rules=EVERYTHING, options=options).ok


@pytest.mark.parametrize(
    "key",
    [
        *(
            "new-tool",
            "tools-v2",
            "mcp-stdio",
            "agent_mode",
            "rpc-port",
            "fetch-url",
            "download-dir",
            "exec-hook",
        ),
        *("cmd", "script-file", "ssl-verify", "admin-key", "log-path", "out-file", "http-proxy", "bind-host"),
        *("sqlite-extension", "load-library", "config-file", "user-token", "web-root-dir", "shell-path"),
    ],
)
def test_b0_4_a_future_option_with_a_dangerous_name_does_not_pass_through(key: str) -> None:
    listed = f"--{key}".replace("_", "-")
    tables = [
        assumed_table(),
        *(option_table(f"{HELP}{listed}{hint}   {'':40}does it\n") for hint in ("", " N")),
    ]
    for options in tables:
        assert not judge({key: "x"}, rules=EVERYTHING, options=options).ok
        assert not judge({key: True}, rules=EVERYTHING, options=options).ok
        assert not judge(extra_args=[listed, "x"], rules=EVERYTHING, options=options).ok


def read_as_the_engine(argv: Sequence[str]) -> list[str]:
    """The options that the real parser would find, by its rules and nothing of ours."""
    names, index = [], 0
    while index < len(argv):
        name = argv[index].replace("_", "-") if argv[index].startswith("--") else argv[index]
        names.append(name)
        index += 1 + ARITY.get(name, 0)
    return names


TOKENS = st.one_of(
    st.sampled_from([*ARITY, "--rtr", "-amb", "--threads=3", "--log_file"]), st.sampled_from(VALUES)
)
KEYS = st.sampled_from([name.lstrip("-").replace("-", "_") for name in ARITY])
YAML = st.one_of(
    st.sampled_from(VALUES), st.booleans(), st.integers(-9, 9), st.floats(), st.lists(st.sampled_from(VALUES))
)


@given(st.lists(TOKENS, max_size=6), st.dictionaries(KEYS, YAML, max_size=3), st.booleans())
def test_whatever_is_accepted_the_engine_finds_no_closed_option_in_it(
    tokens: list[str], args: dict[str, object], passing: bool
) -> None:
    rules = EVERYTHING if passing else PolicyRules()

    found = read_as_the_engine(emit(judge(args, tokens, rules).settings))

    closed = {name for option in CLOSED for name in (*option.positive, *option.negative)}
    assert set() == closed & set(found)
    assert passing or set(found) <= ARITY.keys()
