"""Secrets never reach people or logs: by value, by the name before them, by their shape."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.arguments import REDACTED, redact, redact_argv

HIDDEN = "s3cr3t-Value"


@pytest.mark.parametrize(
    "text",
    [
        f"--api-key {HIDDEN}",
        f"--api-key={HIDDEN}",
        f"--api_key {HIDDEN}",
        f"--hf-token {HIDDEN}",
        f"-hft {HIDDEN}",
        f"--token={HIDDEN}",
        f"--password '{HIDDEN}'",
        f'{{"api_key": "{HIDDEN}"}}',
        f'{{"apiKey":"{HIDDEN}", "n": 1}}',
        f'{{\\"api_key\\": \\"{HIDDEN}\\"}}',
        f"{{'hf_token': '{HIDDEN}'}}",
        f'{{"token": "{HIDDEN}"}}',
        f"Authorization: Bearer {HIDDEN}",
        f"authorization: {HIDDEN}",
        f'"Authorization": "Bearer {HIDDEN}"',
        f"curl -H 'Authorization: Bearer {HIDDEN}' http://x",
        f"X-Api-Key: {HIDDEN}",
        f"Bearer {HIDDEN}",
        f"HF_TOKEN={HIDDEN}",
        f"LLAMA_API_KEY={HIDDEN} llama-server",
        f"token={HIDDEN}&x=1",
        f"password: {HIDDEN}",
        f"client_secret = {HIDDEN}",
    ],
)
def test_s0_28_a_secret_behind_its_name_is_redacted_in_every_form(text: str) -> None:
    redacted = redact(text)

    assert HIDDEN not in redacted
    assert REDACTED in redacted
    assert redacted == redact(redacted)


@pytest.mark.parametrize("text", ["hf_AbCdEfGh12345678", "sk-abcdef1234567890", "ghp_abcdefghijklmnopqrstuv"])
def test_well_known_shapes_are_redacted_without_a_name(text: str) -> None:
    assert f"key {REDACTED}." == redact(f"key {text}.")


def test_b0_21_known_values_are_redacted_wherever_they_stand() -> None:
    secret = 'we"ird/value'

    text = f'plain {secret}, json "we\\"ird/value", url we%22ird%2Fvalue'

    assert f'plain {REDACTED}, json "{REDACTED}", url {REDACTED}' == redact(text, [secret])


def test_a_value_that_contains_another_goes_as_a_whole() -> None:
    assert f"x {REDACTED} y" == redact("x abcdef y", ["abcd", "abcdef"])


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens: 512, n_tokens=5, tokens = 7",
        "print_info: EOS token = 2 '</s>'",
        '{"bos_token": "<s>", "max_tokens": 512}',
        "--image-max-tokens 64 --api-key-file /etc/keys",
        "the bearer of bad news",
        "hf_repository and hf_hub",
        "prompt eval time = 12.3 ms / 4 tokens",
        "cache key: none",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert text == redact(text)


def test_argv_is_redacted_token_by_token() -> None:
    argv = ["llama-server", "--api-key", "-odd", "-hft", "abc", "--temp", "0.5", "--token=x", "known-value"]

    redacted = redact_argv(argv, ["known-value"])

    expected = ["--api-key", REDACTED, "-hft", REDACTED, "--temp", "0.5", f"--token={REDACTED}", REDACTED]
    assert ["llama-server", *expected] == redacted


@given(
    st.text(alphabet="abk-_=:\"' \n{}\\", max_size=60),
    st.sampled_from(["api_key", "token", "Bearer ", "--hft "]),
)
def test_redacting_twice_changes_nothing(text: str, word: str) -> None:
    once = redact(f"{text}{word}{text}", ["abkk"])

    assert once == redact(once, ["abkk"])


def test_long_text_is_redacted_in_reasonable_time() -> None:
    text = "a.b-c_d" * 20_000

    assert text == redact(text)


def test_a_flag_about_credentials_is_followed_by_no_secret() -> None:
    """`--no-cors-credentials` takes no value: the next option is shown."""
    argv = ["--no-cors-credentials", "--metrics"]

    assert argv == redact_argv(argv)
