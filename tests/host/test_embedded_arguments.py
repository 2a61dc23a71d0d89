from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.host.embedded.__main__ import main
from reconciler.host.embedded.arguments import ArgumentWrong, asked_for, parse
from reconciler.host.embedded.engine import EngineFailed, parameters
from reconciler.host.embedded.helptexts import help_text
from reconciler.host.embedded.options import Added, Lora, Member, Option, items
from reconciler.host.embedded.tables import OPTIONS

#: Words for the options that take neither a number nor a word of their own list.
VALUES = {
    "--chat-template-kwargs": '{"a": 1}',
    "--fit-target": "1024",
    "--lora-scaled": "a.gguf:0.5",
    "--override-tensor": "token_embd=CPU",
    "--samplers": "top_k;temperature",
    "--spec-type": "draft-simple",
}


def value_for(option: Option, folder: Path) -> str:
    if option.names[-1] in VALUES or option.names[0] in VALUES:
        return VALUES.get(option.names[-1]) or VALUES[option.names[0]]
    if "file" in option.names[-1]:
        path = folder / "file"
        path.write_text("text")
        return str(path)
    for word in ("1", "none", "auto", "off", "f16", "linear", "numactl"):
        try:
            option.sets(word)
        except ValueError:
            continue
        return word
    raise AssertionError(f"no value for {option.names}")


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.names[-1])
def test_every_option_of_the_tables_can_be_set(option: Option, tmp_path: Path) -> None:
    value = [value_for(option, tmp_path)] if option.takes_value else []

    for name in option.names:
        assert parameters(parse([name, *value]), {}) is not None
    for name in option.negative:
        assert parameters(parse([name]), {}) is not None


@pytest.mark.parametrize(
    ("argv", "settings"),
    [
        (["-c", "4096"], {"n_ctx": 4096}),
        (["--ctx_size", "1", "-c", "2"], {"n_ctx": 2}),
        (
            ["-fa", "off"],
            {"flash_attn_type": Member("llama_flash_attn_type", "LLAMA_FLASH_ATTN_TYPE_DISABLED")},
        ),
        (["-ctk", "q8_0"], {"cache_type_k": Member("ggml_type", "GGML_TYPE_Q8_0")}),
        (["-ngl", "all"], {"n_gpu_layers": -2}),
        (["-ngl", "12"], {"n_gpu_layers": 12}),
        (["--no-ui", "--metrics"], {"ui": False, "endpoint_metrics": True}),
        (["-nkvo"], {"no_kv_offload": True}),
        (["--kv-offload"], {"no_kv_offload": False}),
        (["--alias", 'a,"b,c"'], {"model_alias": ["a", "b,c"]}),
        (["--lora", "a", "--lora", "b"], {"lora_adapters": Added((Lora("a", 1.0), Lora("b", 1.0)))}),
        (["--lora-scaled", "C:x:0.5"], {"lora_adapters": Added((Lora("C:x", 0.5),))}),
        (["-ts", "3,1"], {"tensor_split": [3.0, 1.0, *[0.0] * 126]}),
        (["-to", "60"], {"timeout_read": 60, "timeout_write": 60}),
        (
            ["--rerank"],
            {"embedding": True, "pooling_type": Member("llama_pooling_type", "LLAMA_POOLING_TYPE_RANK")},
        ),
        (
            ["-rea", "off", "--chat-template-kwargs", '{"x": "y"}'],
            {"enable_reasoning": 0, "default_template_kwargs": {"enable_thinking": "false", "x": '"y"'}},
        ),
        (["--no-agent", "--log-colors", "off"], {}),
    ],
)
def test_a_command_line_becomes_settings(argv: list[str], settings: dict[str, object]) -> None:
    assert parse(argv) == settings


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--tools", "all"], "invalid argument: --tools (the embedded engine does not support it)"),
        (["--agent"], "invalid argument: --agent"),
        (["-hf", "user/model"], "invalid argument: -hf"),
        (["--rpc", "host:1"], "invalid argument: --rpc"),
        (["-dev", "CUDA0"], "invalid argument: -dev"),
        (["--ctx-siz", "1"], "did you mean --ctx-size?"),
        (["--port=1"], "invalid argument: --port=1"),
        (["stray"], "invalid argument: stray"),
        (["-c"], "-c needs a value: N"),
        (["-c", "8k"], "invalid value for -c: '8k': it must be a whole number"),
        (["--port", "70000"], "it must lie between 0 and 65535"),
        (["--temp", "warm"], "it must be a number"),
        (["-fa", "maybe"], "it must be one of on, off, auto"),
        (["-ngl", "many"], "it must be a number, auto or all"),
        (["-ts", "a,b"], "it must be numbers such as 3,1"),
        (["--chat-template-kwargs", "[]"], "it must be a JSON object"),
        (["--chat-template-file", "/nonexistent"], "Cannot read it"),
        (["--log-colors", "on"], "it must be one of off, auto"),
        (["--spec-type", "psychic"], "psychic is not one of none, draft-simple"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(argv: list[str], message: str) -> None:
    with pytest.raises(ArgumentWrong) as caught:
        parse(argv)

    assert message in str(caught.value)


def test_the_key_comes_from_the_environment() -> None:
    chosen = parameters(parse([]), {"LLAMA_API_KEY": "one,two", "LLAMA_ARG_PORT": "1"})

    assert chosen.api_keys == ["one", "two"]
    assert chosen.port == 8080


def test_what_the_extension_refuses_is_named() -> None:
    with pytest.raises(EngineFailed, match="Cannot set tensor_buft_overrides to 'nonsense'"):
        parameters(parse(["-ot", "nonsense"]), {})


def test_a_quoted_comma_does_not_divide() -> None:
    assert items('a,"b,c",,d') == ["a", "b,c", "d"]


def test_information_is_asked_for_before_anything_is_checked() -> None:
    assert asked_for(["--nonsense", "-h"]) == "--help"
    assert asked_for(["--list_devices"]) == "--list-devices"
    assert asked_for(["--port", "1"]) == ""


def test_the_help_names_every_option_in_the_layout_of_llama_server(llama_server: Path) -> None:
    theirs = subprocess.run([llama_server, "--help"], capture_output=True, text=True, check=True).stdout
    ours = help_text()

    shared = [line[:40].strip() for line in ours.splitlines() if line.startswith("-") and len(line) > 40]
    alike = [names for names in shared if f"\n{names}" in theirs]
    assert all(name in ours for option in OPTIONS for name in option.names + option.negative)
    assert [line for line in theirs.splitlines() if line.startswith("-----")] == [
        line for line in ours.splitlines() if line.startswith("-----")
    ]
    assert len(alike) > 0.8 * len(shared)


def test_the_names_of_the_tables_are_llama_servers(llama_server: Path) -> None:
    theirs = subprocess.run([llama_server, "--help"], capture_output=True, text=True, check=True).stdout
    words = set(theirs.replace(",", " ").split())

    assert {name for option in OPTIONS for name in option.names + option.negative} - words == {
        "--no-agent"
    } - words


def test_information_does_not_import_the_extension() -> None:
    code = """
import json, sys
from reconciler.host.embedded.__main__ import main
main(["--help"]), main(["--version"])
print(json.dumps(sorted(sys.modules)))
"""
    printed = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert not [name for name in json.loads(printed.splitlines()[-1]) if name.startswith("xllamacpp")]


def test_an_extension_that_does_not_load_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "reconciler.host.embedded.engine")
    monkeypatch.setitem(sys.modules, "xllamacpp", None)

    status = main(["--list-devices"])

    printed = capsys.readouterr()
    assert (status, printed.out) == (1, "")
    assert printed.err.startswith("error: Cannot import the extension xllamacpp: ")
    assert printed.err.count("\n") == 1
