"""The embedded engine as a process: what it says, how it ends."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
from pathlib import Path

import pytest

from reconciler.host.runtimes import EMBEDDED_ARGV
from tests.eventually import eventually
from tests.fakes.engines import Engine, free_port, serving, started
from tests.fakes.giants import write_giant


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*EMBEDDED_ARGV, *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=30,
    )


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def answers(engine: Engine) -> int | None:
    try:
        return engine.ask("/health").status
    except OSError:
        return None


def test_it_serves_the_chat_of_a_tiny_model(tiny_chat: Path, tmp_path: Path) -> None:
    with serving(EMBEDDED_ARGV, "-m", str(tiny_chat), "--alias", "tiny", log=tmp_path / "log") as engine:
        reply = engine.chat(max_tokens=8)

    assert reply.status == 200
    assert reply.body["model"] == "tiny"
    assert reply.body["choices"][0]["message"]["content"]


def test_it_has_llama_servers_defaults(tiny_chat: Path, tmp_path: Path) -> None:
    with serving(EMBEDDED_ARGV, "-m", str(tiny_chat), log=tmp_path / "log") as engine:
        props = engine.ask("/props").body

    assert props["total_slots"] == 4


def test_its_options_reach_the_engine(tiny_chat: Path, tmp_path: Path) -> None:
    options = ["-c", "1024", "-np", "2", "-ctk", "q8_0", "-ctv", "q8_0", "-fa", "on", "--metrics", "-kvu"]
    with serving(EMBEDDED_ARGV, "-m", str(tiny_chat), *options, log=tmp_path / "log") as engine:
        props = engine.ask("/props").body
        metrics = engine.ask("/metrics").status

    assert (props["total_slots"], props["default_generation_settings"]["n_ctx"], metrics) == (2, 1024, 200)


def test_it_wants_the_key_of_its_environment(tiny_chat: Path, tmp_path: Path) -> None:
    env = {"LLAMA_API_KEY": "s3cret"}
    with serving(EMBEDDED_ARGV, "-m", str(tiny_chat), log=tmp_path / "log", env=env) as engine:
        without, with_key = engine.ask("/props"), engine.ask("/props", key="s3cret")

    assert (without.status, with_key.status) == (401, 200)
    assert "s3cret" not in (tmp_path / "log").read_text()


def test_it_embeds(tiny_embedding: Path, tmp_path: Path) -> None:
    options = ["-m", str(tiny_embedding), "--embeddings", "--pooling", "mean"]
    with serving(EMBEDDED_ARGV, *options, log=tmp_path / "log") as engine:
        reply = engine.ask("/v1/embeddings", {"input": "hello"})

    assert reply.body["data"][0]["embedding"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_while_it_serves(tiny_chat: Path, tmp_path: Path, number: int) -> None:
    with serving(EMBEDDED_ARGV, "-m", str(tiny_chat), log=tmp_path / "log") as engine:
        engine.process.send_signal(number)

        assert engine.process.wait(timeout=5) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_while_it_loads(tmp_path: Path, number: int) -> None:
    """The load of this model takes many seconds, in which no Python code can run."""
    model = tmp_path / "x.gguf"
    write_giant(model, "llama-3-8b", vocabulary="real")
    with started(EMBEDDED_ARGV, "-m", str(model), log=tmp_path / "log") as engine:
        eventually(lambda: answers(engine) == 503)
        engine.process.send_signal(number)

        assert engine.process.wait(timeout=5) == 0


def test_a_request_in_flight_does_not_delay_its_end(tiny_chat: Path, tmp_path: Path) -> None:
    with serving(EMBEDDED_ARGV, "-m", str(tiny_chat), log=tmp_path / "log") as engine:
        connection = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=5)
        body = {"prompt": "hello", "stream": True, "ignore_eos": True, "n_predict": -1}
        connection.request("POST", "/completion", json.dumps(body))
        assert connection.getresponse().readline()
        engine.process.terminate()

        assert engine.process.wait(timeout=5) == 0
        connection.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tools", "all"], "error: invalid argument: --tools (the embedded engine does not support it)"),
        (["-c", "x"], "error: invalid value for -c: 'x': it must be a whole number"),
        ([], "error: no model: -m FNAME is required"),
        (
            ["-m", "/nonexistent.gguf"],
            "error: Cannot open the model /nonexistent.gguf: No such file or directory",
        ),
    ],
)
def test_what_it_cannot_do_is_said_in_one_line(arguments: list[str], message: str) -> None:
    ended = run(*arguments)

    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", message + "\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", "is not a GGUF file: it does not begin with GGUF"),
        (b"GGUF\x03\0\0\0" + bytes(100), "the engine's lines above say why"),
    ],
)
def test_a_damaged_model_ends_it_with_1(tmp_path: Path, content: bytes, message: str) -> None:
    model = tmp_path / "x.gguf"
    model.write_bytes(content)

    ended = run("-m", str(model), "--port", str(free_port()))

    assert ended.returncode == 1
    assert last_line(ended.stderr).startswith("error: ")
    assert message in last_line(ended.stderr)


def test_a_busy_port_ends_it_with_1(tiny_chat: Path, tmp_path: Path) -> None:
    with serving(EMBEDDED_ARGV, "-m", str(tiny_chat), log=tmp_path / "log") as engine:
        ended = run("-m", str(tiny_chat), "--port", str(engine.port))

    assert ended.returncode == 1
    assert last_line(ended.stderr) == f"error: Cannot listen on 127.0.0.1 port {engine.port}: it is in use"


def test_it_logs_to_stderr_only(tiny_chat: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [*EMBEDDED_ARGV, "-m", str(tiny_chat), "--port", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    assert any("listening on" in line for line in process.stderr)
    process.terminate()

    assert process.communicate(timeout=5)[0] == ""


def test_its_devices_are_listed_as_llama_server_does() -> None:
    ended = run("--list-devices")

    assert ended.returncode == 0
    assert ended.stdout.startswith("Available devices:\n  ")
