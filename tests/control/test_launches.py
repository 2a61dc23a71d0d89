"""From a tree to a process: what a child gets, and what is never started. The engine is scripted and records all."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import ManifestsInvalid, RuntimeUnusable, StartFailed
from reconciler.host.places import make_places
from tests.cli.running import reconciler
from tests.fakes.llamafile import write_llamafile
from tests.fakes.manifest_trees import ManifestTree
from tests.fakes.scripted import DATA, ScriptedServer, install

HUSH = "hf_Zq81HushHushHush42"


@pytest.fixture
def tree(tmp_path: Path) -> ManifestTree:
    made = ManifestTree(tmp_path)
    made.host()
    made.model("chat.gguf")
    return made


@pytest.fixture
def server(tree: ManifestTree) -> ScriptedServer:
    return tree.scripted()


def test_s0_2_a_missing_binary_is_a_warning_that_names_it_and_spares_the_others(tree: ManifestTree) -> None:
    tree.scripted()
    tree.runtime("vendor", Path("vendor/llama.cpp/server"))
    tree.deployment("fine")
    tree.deployment("lost", runtime="vendor")

    ran = reconciler("validate", "-f", tree.folder)
    strict = reconciler("validate", "-f", tree.folder, "--strict")

    assert (0, 3) == (ran.code, strict.code)
    told = [line for line in ran.stdout.splitlines() if "warning" in line and "RuntimeMissing" in line]
    assert 1 == len(told)
    assert f"{tree.folder}/vendor/llama.cpp/server does not exist" in told[0]
    assert f"{tree.folder}/runtime-vendor.yaml:1:" in told[0]


def test_s0_2_nothing_is_spawned_for_a_missing_binary_and_the_others_start(
    tree: ManifestTree, server: ScriptedServer
) -> None:
    tree.runtime("vendor", Path("vendor/llama.cpp/server"))
    tree.deployment("fine")
    tree.deployment("lost", runtime="vendor")

    with pytest.raises(RuntimeUnusable) as caught:
        tree.launch("lost")
    with tree.serving("fine") as running:
        answered = running.chat().status

    assert "RuntimeMissing" == caught.value.reason
    assert str(tree.folder / "vendor/llama.cpp/server") in caught.value.message
    assert 200 == answered
    assert 1 == len(server.starts())


def test_what_the_text_gets_wrong_is_not_started_either(tree: ManifestTree, server: ScriptedServer) -> None:
    tree.deployment(args={"tools": "all"})

    with pytest.raises(ManifestsInvalid, match="Cannot start chat: Cannot set 'tools'"):
        tree.launch()

    assert [] == server.starts()


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"path": "gone.gguf"}, "FileMissing"),
        ({"args": {"grammar-file": "gone.gbnf"}}, "FileMissing"),
        ({"path": "text.gguf"}, "NotAGguf"),
        ({"placement": {"gpus": ["gpu0", "gpu2"], "tensorSplit": [1, 1]}}, "DeviceMissing"),
    ],
)
def test_what_the_machine_lacks_is_a_warning_and_keeps_the_deployment_from_starting(
    tree: ManifestTree, spec: dict[str, Any], reason: str
) -> None:
    """A GPU that is gone is never a silent move to the others."""
    server = tree.scripted({"devices_file": str(DATA / "list_devices_cuda.txt")})
    (tree.models / "text.gguf").write_text("not a model")
    tree.deployment(**spec)

    with pytest.raises(StartFailed) as caught:
        tree.launch()

    assert reason == caught.value.reason
    assert tree.read().is_valid
    assert 1 == len(tree.told())
    assert [] == server.starts()


def test_another_program_of_llama_cpp_is_told_at_its_runtime_and_never_started(tree: ManifestTree) -> None:
    """It answers --help as an engine does, and would run without an address of ours."""
    other = tree.folder / "help.txt"
    other.write_text("usage: llama-cli [options]\n\n-m,    --model FNAME          model path to load\n")
    server = tree.scripted({"help_file": str(other)})
    tree.deployment("one", args={"jinja": True})
    tree.deployment("two")

    (told,) = tree.told()
    with pytest.raises(RuntimeUnusable) as caught:
        tree.launch("one")

    assert told.startswith("runtime-llama-server.yaml:1:")
    assert "warning: spec.path: RuntimeProbeFailed: " in told
    assert "is no llama-server: its --help has no --host, --port (correct Runtime.spec.path)" in told
    assert "RuntimeProbeFailed" == caught.value.reason
    assert [] == server.starts()


@pytest.mark.parametrize("source", ["fromFile", "fromEnv"])
def test_s0_11_a_secret_reaches_the_child_and_nothing_else(
    tree: ManifestTree, server: ScriptedServer, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree.folder / "hf").write_bytes(f"{HUSH}\r\nsecond line\r\n".encode())
    monkeypatch.setenv("OPERATORS_TOKEN", HUSH)
    reference = {"fromFile": "hf", "fromEnv": "OPERATORS_TOKEN"}[source]
    tree.deployment(secretEnv={"HF_TOKEN": {source: reference}})

    with tree.serving() as running:
        seen = running.environment()
        shown = repr(running.launch) + repr(running.started)
    outputs = [
        reconciler("validate", "-f", tree.folder, *words)
        for words in ((), ("--commands",), ("-o", "json"), ("-o", "json", "--commands"))
    ]

    assert HUSH == seen["HF_TOKEN"] == server.starts()[0]["env"]["HF_TOKEN"]
    assert "OPERATORS_TOKEN" not in seen
    assert HUSH not in " ".join(server.starts()[0]["argv"])
    assert HUSH not in running.launch.log_path.read_text()
    assert HUSH not in shown
    assert HUSH not in json.dumps(server.probes())
    assert all(HUSH not in ran.stdout + ran.stderr and 0 == ran.code for ran in outputs)


@pytest.mark.parametrize(
    "kind", ["absent", "empty", "fifo", "fifo with a writer", "directory", "no text", "nul"]
)
def test_s0_11_a_secret_that_cannot_be_had_stops_this_start_at_once(
    tree: ManifestTree, server: ScriptedServer, kind: str
) -> None:
    path = tree.folder / "hf"
    handle = -1
    if kind.startswith("fifo"):
        os.mkfifo(path)
        handle = os.open(path, os.O_RDWR | os.O_NONBLOCK) if "writer" in kind else -1
    elif kind == "directory":
        path.mkdir()
    elif kind != "absent":
        path.write_bytes({"empty": b"", "no text": b"\xff\xfe", "nul": b"a\0b\n"}[kind])
    tree.deployment(secretEnv={"HF_TOKEN": {"fromFile": str(path)}})

    with pytest.raises(StartFailed, match="secretEnv HF_TOKEN") as caught:
        tree.launch()
    if handle >= 0:
        os.close(handle)

    assert "SecretMissing" == caught.value.reason
    assert [] == server.starts()


def test_s0_11_an_absent_secret_is_told_before(tree: ManifestTree, server: ScriptedServer) -> None:
    tree.deployment(secretEnv={"HF_TOKEN": {"fromFile": "hf"}, "OTHER_TOKEN": {"fromEnv": "NOWHERE"}})

    told = tree.told()

    assert [] == server.starts()
    assert 1 == len(told)
    assert "warning: spec.secretEnv.HF_TOKEN.fromFile: " in told[0]
    with pytest.raises(StartFailed, match=r"has no NOWHERE|Cannot read"):
        tree.launch()


def test_b0_17_a_llamafile_is_told_to_serve_and_has_nobody_to_talk_to(tree: ManifestTree) -> None:
    behind = install(tree.folder / ".behind")
    write_llamafile(tree.folder / "x.llamafile", behind.path)
    tree.runtime("wrapped", Path("x.llamafile"), kind="llamafile")
    tree.deployment(runtime="wrapped")

    with tree.serving() as running:
        argv = running.launch.argv

    assert ("/bin/sh", str(tree.folder / "x.llamafile"), "--server") == argv[:3]
    assert "/dev/null" == behind.starts()[0]["stdin"]
    assert running.started.pid == behind.starts()[0]["pid"]


HOSTILE = (
    "a b",
    "it's",
    'say "x"',
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned",
    "&& x | y > z",
    "*",
    "\n",
)


def test_b4_13_an_argument_arrives_as_one_element_whatever_it_holds(
    tree: ManifestTree, server: ScriptedServer
) -> None:
    tokens = [token for text in HOSTILE for token in ("--reverse-prompt", text)]
    grammar = tree.models / "my $(grammar); file.gbnf"
    grammar.write_text("root ::= x")
    tree.deployment(args={"chat-template": " ".join(HOSTILE), "grammar-file": grammar.name}, extraArgs=tokens)

    with tree.serving():
        pass
    argv = server.starts()[0]["argv"]

    assert tokens == argv[-len(tokens) :]
    assert " ".join(HOSTILE) == argv[argv.index("--chat-template") + 1]
    assert str(grammar) == argv[argv.index("--grammar-file") + 1]
    assert [] == list(tree.folder.rglob("pwned"))


@pytest.mark.parametrize("name", HOSTILE[:7])
def test_b4_13_a_model_with_such_a_name_is_served(
    tree: ManifestTree, server: ScriptedServer, name: str
) -> None:
    file = f"{name.replace('/', '')}.gguf"
    model = tree.model(file)
    tree.deployment(path=file)

    with tree.serving() as running:
        answered = running.chat().status

    assert 200 == answered
    assert str(model) == server.starts()[0]["argv"][1]


def test_b4_13_a_llamafile_gets_them_unchanged_too(tree: ManifestTree) -> None:
    """It is started through a shell, which must not read the arguments again."""
    behind = install(tree.folder / ".behind")
    write_llamafile(tree.folder / "x $(touch pwned).llamafile", behind.path)
    tree.runtime("wrapped", Path("x $(touch pwned).llamafile"), kind="llamafile")
    tokens = [token for text in HOSTILE for token in ("--reverse-prompt", text)]
    tree.deployment(runtime="wrapped", extraArgs=tokens)

    with tree.serving():
        pass

    assert tokens == behind.starts()[0]["argv"][-len(tokens) :]
    assert [] == list(tree.folder.rglob("pwned"))


def test_b2_16_what_a_start_leaves_is_private_and_nothing_lies_in_the_temporary_directory(
    tree: ManifestTree, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tree.folder / ".tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    tree.deployment()
    before = os.umask(0)
    try:
        with tree.serving():
            made = make_places("box", os.environ)
    finally:
        os.umask(before)

    everything = [made.state, *made.state.rglob("*")]
    assert [] == [path for path in everything if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert 0o700 == stat.S_IMODE(made.state.stat().st_mode)
    assert [] == list(temporary.iterdir())
    assert 0o077 == server.starts()[0]["umask"]
    assert str(made.engine_work) == server.starts()[0]["cwd"]


def test_without_a_directory_of_our_own_validation_works_and_leaves_nothing(
    tree: ManifestTree, server: ScriptedServer
) -> None:
    """A read-only HOME, as in a build container."""
    temporary = tree.folder / ".tmp"
    temporary.mkdir()
    tree.deployment()
    nowhere = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"), "/proc/nowhere")

    ran = reconciler("validate", "-f", tree.folder, env={**nowhere, "TMPDIR": str(temporary)})

    assert server.probes()
    assert (0, "") == (ran.code, ran.stderr)
    assert [] == list(temporary.iterdir())


def test_a_hundred_deployments_on_one_runtime_ask_it_once(tree: ManifestTree, server: ScriptedServer) -> None:
    for number in range(100):
        tree.deployment(f"m{number}")

    tree.told()

    assert 3 == len(server.probes())


def test_half_a_character_is_refused_in_the_text_and_never_breaks_a_start(
    tree: ManifestTree, server: ScriptedServer
) -> None:
    """Only an escape makes one; no command line, variable or file name can hold it."""
    text = """
kind: ModelDeployment
metadata: {name: chat}
spec:
  model: {path: chat.gguf}
  args: {chat-template: "x\\ud800y"}
  env: {FOO: "\\udfff"}
  extraArgs: [-r, "\\udc80"]
"""
    tree.text("chat.yaml", text)

    told = [line.split(": ")[0] for line in tree.told()]

    assert ["chat.yaml:6:25", "chat.yaml:7:14", "chat.yaml:8:19"] == told
    assert [] == server.starts()
