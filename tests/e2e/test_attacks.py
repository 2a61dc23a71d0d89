"""What a hostile author of manifests, of model files or of an environment gets to see: nothing of use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import on_terminal, reconciler

HEAD = "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: a}\n"
SECRET = "V3ryS3cret"


@pytest.mark.parametrize(
    "field",
    [
        "args: {api-key: %s}",
        "args: {hf_token: %s}",
        "args: {hfToken: %s, bogus: 1}",
        "args: {bogus: 1, api_key: %s}",
        "args: {ssl-key: %s, key: 1}",
        "extraArgs: [--api-key, %s]",
        "extraArgs: [--hf-token=%s]",
        'extraArgs: ["-hft %s"]',
        "env: {OPENAI_APIKEY: %s}",
        "env: {MY_PASSPHRASE: %s}",
        "env: {LLAMA_API_KEY: %s, LLAMA_ARG_TOOLS: all}",
        "env: {AWS_SECRET_ACCESS_KEY: %s, LD_PRELOAD: x}",
        "secretEnv: {HF_TOKEN: %s}",
        "secretEnv: {HF_TOKEN: {fromValue: %s}}",
    ],
)
def test_a_secret_in_the_wrong_place_is_refused_and_shown_nowhere(field: str, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"{HEAD}spec:\n  model: {{path: x.gguf}}\n  {field % SECRET}\n")
    command = ("validate", "--no-machine", "--commands", file)

    terminal = on_terminal(*command, env={"RECONCILER_TRACEBACK": "1"})
    ran = reconciler(*command)
    as_json = reconciler(*command, "-o", "json")

    assert 3 == ran.code
    assert SECRET not in terminal + ran.stdout + ran.stderr + as_json.stdout + as_json.stderr


def test_json_for_a_terminal_has_no_character_that_steers_it(tmp_path: Path) -> None:
    file = tmp_path / "a\x9b2J\u202e\x7f.yaml"
    file.write_text(f"{HEAD}spec: {{model: {{path: x.gguf}}, bogus: 1}}\n")

    ran = reconciler("validate", "--no-machine", "-o", "json", file)

    assert all(char.isprintable() for line in ran.stdout.split("\n") for char in line)
    assert json.loads(ran.stdout)["diagnostics"][0]["file"] == str(file)
