"""The scripted llama-server does what its script says, and answers as the real one where the two overlap."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.eventually import eventually
from tests.fakes import scripted
from tests.fakes.engines import Engine, free_port, serving, started
from tests.fakes.scripted import ScriptedServer

CHAT = {"messages": [{"role": "user", "content": "hello"}], "temperature": 0}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def test_it_records_how_it_was_started(tmp_path: Path, log: Path) -> None:
    server = scripted.install(tmp_path)

    with serving([server.path], "-m", "x.gguf", log=log, env={"ONLY": "this"}) as engine:
        (start,) = server.starts()

    assert ["-m", "x.gguf"] == start["argv"][-2:]
    assert {"ONLY", "PATH", "XDG_CONFIG_HOME"} == start["env"].keys()
    assert (engine.process.pid, os.getpid(), os.getpgid(0), os.getsid(0)) == (
        start["pid"],
        start["ppid"],
        start["pgid"],
        start["sid"],
    )
    assert str(Path.cwd()) == start["cwd"]
    assert "/dev/null" == start["stdin"]
    assert {"0", "1", "2"} == start["fds"].keys()


@pytest.mark.parametrize(
    ("option", "stream", "file"),
    [
        ("--help", "stdout", "help_b11434.txt"),
        ("--list-devices", "stdout", "list_devices_none.txt"),
        ("--version", "stderr", None),
    ],
)
def test_its_probes_answer_as_the_real_one(
    option: str, stream: str, file: str | None, tmp_path: Path, llama_server: Path
) -> None:
    server = scripted.install(tmp_path)

    ours, real = (
        subprocess.run(
            [path, option], capture_output=True, text=True, check=False, env={"XDG_CONFIG_HOME": "/none"}
        )
        for path in (server.path, llama_server)
    )

    assert 0 == ours.returncode == real.returncode
    assert getattr(real, stream) == getattr(ours, stream)
    assert file is None or (Path(scripted.__file__).parent / "data" / file).read_text() == ours.stdout
    assert [[option]] == [probe["argv"] for probe in server.probes()]


def test_another_help_can_be_scripted(tmp_path: Path) -> None:
    text = tmp_path / "help.txt"
    text.write_text("usage: ours\n")
    server = scripted.install(tmp_path, {"help_file": str(text)})

    assert (
        "usage: ours\n"
        == subprocess.run([server.path, "-h"], capture_output=True, text=True, check=True).stdout
    )


def _health(engine: Engine) -> str:
    try:
        reply = engine.ask("/health")
    except OSError:
        return "refused"
    return f"{reply.status} {reply.text}"


def test_health_goes_through_the_same_answers_as_the_real_one(
    tmp_path: Path, log: Path, llama_server: Path, tiny_chat: Path
) -> None:
    server = scripted.install(tmp_path, {"bind_after": 0.2, "loading": 0.2})

    # Many slots and many cells make even the tiny model's load long enough to be seen.
    large = ("-m", str(tiny_chat), "-c", "400000", "-np", "8", "--no-warmup")
    seen = []
    for command, arguments in ((server.path, ("-m", "x")), (llama_server, large)):
        with started([command], *arguments, log=log) as engine:
            answers: list[str] = []
            while not (answers and answers[-1].startswith("200")):
                if (answer := _health(engine)) not in answers:
                    answers.append(answer)
            seen.append(answers)

    scripted_answers, real_answers = seen
    # A busy machine may sleep through the few milliseconds in which the real one refuses.
    assert scripted_answers[-len(real_answers) :] == real_answers
    assert ["refused", "503", "200"] == [answer.split()[0] for answer in scripted_answers]
    assert len(real_answers) >= 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/models", None),
        ("GET", "/slots", None),
        ("POST", "/v1/chat/completions", CHAT | {"max_tokens": 3}),
        ("POST", "/v1/completions", {"prompt": "x", "max_tokens": 2, "ignore_eos": True}),
        ("POST", "/tokenize", {"content": "hi"}),
        ("POST", "/v1/rerank", {"query": "a", "documents": ["b"]}),
        ("POST", "/v1/embeddings", {"input": "a"}),
        ("GET", "/metrics", None),
        ("GET", "/nowhere", None),
    ],
)
def test_its_answers_have_a_part_of_the_real_shape(
    method: str, path: str, body: Any, tmp_path: Path, llama_server: Path, tiny_chat: Path
) -> None:
    ours, real = _both(tmp_path, llama_server, tiny_chat, path, body)

    assert method == ("GET" if body is None else "POST")
    assert real.status == ours.status
    assert _shape(ours.body) <= _shape(real.body)


def _both(tmp_path: Path, llama_server: Path, model: Path, path: str, body: Any) -> list[Any]:
    server = scripted.install(tmp_path)
    replies = []
    for command in (server.path, llama_server):
        with serving(
            [command], "-m", str(model), "--alias", "tiny", "-np", "2", log=tmp_path / "log"
        ) as engine:
            replies.append(engine.ask(path, body))
    return replies


def _shape(value: Any, at: str = "") -> set[str]:
    """Paths of the keys, and of the values that a client goes by."""
    if isinstance(value, dict):
        return {f"{at}.{key}" for key in value}.union(
            *(_shape(item, f"{at}.{key}") for key, item in value.items())
        )
    if isinstance(value, list):
        return set().union(*(_shape(item, f"{at}[]") for item in value))
    named = at.rpartition(".")[2] in {
        "object",
        "type",
        "code",
        "finish_reason",
        "role",
        "model",
        "id",
        "message",
    }
    return {f"{at}={value}"} if named and "chatcmpl" not in str(value) else set()


def _events(engine: Engine) -> list[Any]:
    """What the stream says, without the words themselves."""
    text = engine.ask("/v1/chat/completions", {**CHAT, "max_tokens": 3, "stream": True}).text
    *events, done = [line.removeprefix("data: ") for line in text.splitlines() if line]
    chunks = [json.loads(event) for event in events]
    choices = [chunk["choices"][0] for chunk in chunks]
    return [
        *((choice["finish_reason"], sorted(choice["delta"])) for choice in choices),
        chunks[0]["object"],
        done,
    ]


def test_a_stream_has_the_same_events_as_the_real_one(
    tmp_path: Path, log: Path, llama_server: Path, tiny_chat: Path
) -> None:
    server = scripted.install(tmp_path)

    streams = []
    for command in (server.path, llama_server):
        with serving([command], "-m", str(tiny_chat), "--alias", "tiny", log=log) as engine:
            streams.append(_events(engine))

    assert streams[1] == streams[0]


def test_content_is_streamed_verbatim_at_its_pace(tmp_path: Path, log: Path) -> None:
    call = "<tool_call>\n<function=read>\n<parameter=path>/etc</parameter>\n</function>\n</tool_call>"
    server = scripted.install(tmp_path, {"content": call, "chunks": 5, "pace": 0.02})

    with serving([server.path], log=log) as engine:
        began = time.monotonic()
        text = engine.ask("/v1/chat/completions", {**CHAT, "stream": True}).text
        took = time.monotonic() - began
        whole = engine.chat().body["choices"][0]["message"]["content"]

    pieces = re.findall(r'"content":"((?:[^"\\]|\\.)*)"', text)
    assert 5 == len(pieces)
    assert call == "".join(pieces).replace("\\n", "\n") == whole
    assert took >= 0.1


def test_a_key_is_asked_for_as_the_real_one_does(
    tmp_path: Path, log: Path, llama_server: Path, tiny_chat: Path
) -> None:
    server = scripted.install(tmp_path)

    answers = []
    for command in (server.path, llama_server):
        with serving([command], "-m", str(tiny_chat), log=log, env={"LLAMA_API_KEY": "one,two"}) as engine:
            replies = [engine.ask("/v1/models"), engine.ask("/health")]
            answers.append([(reply.status, reply.body) for reply in replies])
            assert 200 == engine.ask("/v1/models", key="two").status

    assert answers[1] == answers[0]


def test_a_busy_port_ends_it_with_the_real_ones_words(
    tmp_path: Path, log: Path, llama_server: Path, tiny_chat: Path
) -> None:
    server = scripted.install(tmp_path)

    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = str(holder.getsockname()[1])
        results = [
            subprocess.run(
                [path, "-m", tiny_chat, "--port", port], capture_output=True, text=True, check=False
            )
            for path in (server.path, llama_server)
        ]
    server.play({"port_busy": True})
    with started([server.path], log=log) as engine:
        assert 1 == engine.process.wait(10)

    words = f"couldn't bind HTTP server socket, hostname: 127.0.0.1, port: {port}"
    assert [(1, True), (1, True)] == [(result.returncode, words in result.stderr) for result in results]
    assert "couldn't bind HTTP server socket" in log.read_text()


@pytest.mark.parametrize(
    ("crash", "code"),
    [
        ({"at": "start", "exit": 3}, 3),
        ({"at": "loading", "after": 0.05, "signal": "SIGKILL"}, -9),
        ({"at": "ready", "after": 0.05, "signal": "SIGABRT"}, -6),
    ],
)
def test_it_crashes_at_the_scripted_moment(
    crash: dict[str, Any], code: int, tmp_path: Path, log: Path
) -> None:
    server = scripted.install(tmp_path, {"loading": 0.1, "crash": {"stderr": "out of memory\n", **crash}})

    with started([server.path], log=log) as engine:
        assert code == engine.process.wait(10)

    assert "out of memory\n" in log.read_text()


def test_it_crashes_at_a_request_and_serves_at_the_next_start(tmp_path: Path, log: Path) -> None:
    server = scripted.install(tmp_path, {"crash": {"at": "request", "after": 2, "exit": 1}}, {})

    with serving([server.path], log=log) as engine:
        assert 200 == engine.chat().status
        with pytest.raises(http.client.RemoteDisconnected):
            engine.chat()
        assert 1 == engine.process.wait(10)
    with serving([server.path], log=log) as engine:
        assert [200, 200, 200] == [engine.chat().status for _ in range(3)]

    assert 2 == len(server.starts())


def test_it_lies_about_its_health(tmp_path: Path, log: Path) -> None:
    server = scripted.install(tmp_path, {"hang": ["/slots", "/v1/"], "hang_after": 1})

    with serving([server.path], log=log) as engine:
        assert 200 == engine.chat().status
        with pytest.raises(TimeoutError):
            engine.ask("/slots", timeout=0.2)
        assert 200 == engine.ask("/health").status


def test_everything_hangs_and_term_still_ends_it(tmp_path: Path, log: Path) -> None:
    server = scripted.install(tmp_path, {"hang": ["/"]})

    with started([server.path], log=log) as engine:
        eventually(lambda: "listening on" in log.read_text())
        with pytest.raises(TimeoutError):
            engine.ask("/health", timeout=0.2)
        assert 0 == engine.stop()


@pytest.mark.parametrize("loading", [True, False])
def test_term_ends_it_as_the_real_one(loading: bool, tmp_path: Path, log: Path) -> None:
    server = scripted.install(tmp_path, {"loading": 60 if loading else 0})

    with started([server.path], log=log) as engine:
        eventually(lambda: engine.ask("/health").status == (503 if loading else 200))
        engine.process.send_signal(signal.SIGTERM)

        assert (-signal.SIGTERM if loading else 0) == engine.process.wait(10)


def test_term_waits_for_the_clients_and_a_second_one_does_not(
    tmp_path: Path, log: Path, llama_server: Path, tiny_chat: Path
) -> None:
    server = scripted.install(tmp_path, {"chunks": 100_000, "pace": 0.01})
    endless = {**CHAT, "stream": True, "ignore_eos": True, "max_tokens": 1_000_000}

    for command in (server.path, llama_server):
        with (
            serving([command], "-m", str(tiny_chat), "-c", "4096", log=log) as engine,
            closing(http.client.HTTPConnection("127.0.0.1", engine.port, timeout=10)) as connection,
        ):
            connection.request("POST", "/v1/chat/completions", json.dumps(endless))
            connection.getresponse().readline()
            engine.process.send_signal(signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):
                engine.process.wait(0.3)
            engine.process.send_signal(signal.SIGTERM)
            assert 1 == engine.process.wait(10)


def test_term_can_be_lost_once_or_always(tmp_path: Path, log: Path) -> None:
    server = scripted.install(tmp_path, {"ignore_term": 1}, {"ignore_term": -1})

    for fate in (0, -signal.SIGKILL):
        with serving([server.path], log=log) as engine:
            engine.process.send_signal(signal.SIGTERM)
            eventually(server.signals)
            assert 200 == engine.ask("/health").status
            assert fate == engine.stop(grace=0.2)


def test_its_child_survives_it_in_the_same_session(tmp_path: Path, log: Path) -> None:
    server = scripted.install(tmp_path, {"child": 60})

    with serving([server.path], log=log) as engine:
        (child,) = psutil.Process(engine.process.pid).children()
        engine.stop()

    assert os.getsid(0) == os.getsid(child.pid)
    child.terminate()
    assert child.is_running()
    child.kill()


def test_a_flood_that_nobody_reads_freezes_it(tmp_path: Path) -> None:
    server = scripted.install(tmp_path, {"log_flood": 100_000})
    port = free_port()
    with subprocess.Popen([server.path, "--port", str(port)], stderr=subprocess.PIPE) as process:
        engine = Engine(process, port, tmp_path / "none")

        def frozen() -> bool:
            try:
                engine.ask("/health", timeout=0.3)
            except TimeoutError:
                return True
            return False

        assert eventually(frozen)
        process.kill()


def test_it_claims_another_model_and_keeps_requests(tmp_path: Path, log: Path) -> None:
    server = scripted.install(tmp_path, {"model": "impostor"})

    with serving([server.path], "--alias", "wanted", log=log) as engine:
        assert "impostor" == engine.ask("/v1/models").body["data"][0]["id"]
        engine.chat("remember me")

    assert "remember me" in server.requests()[-1]["body"]


def test_an_unknown_key_of_a_script_is_refused(tmp_path: Path) -> None:
    server: ScriptedServer = scripted.install(tmp_path, {"crahs": None})

    result = subprocess.run([server.path], capture_output=True, text=True, check=False)

    assert "unknown keys" in result.stderr
    assert 1 == result.returncode
