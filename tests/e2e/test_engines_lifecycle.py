"""Real engines from discovery to their end."""

from __future__ import annotations

import http
import http.client
import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from reconciler.core.runtimes import RuntimeWanted
from reconciler.errors import StartFailed
from reconciler.host.places import Places, make_places
from reconciler.host.processes import Launch, end, identity_of, start, stop
from reconciler.host.readiness import wait_ready
from reconciler.host.runtimes import Machine, discover
from tests.eventually import eventually
from tests.fakes.engines import Engine, free_port
from tests.fakes.llamafile import write_llamafile


@pytest.fixture
def made() -> Places:
    return make_places("default", os.environ)


@pytest.fixture
def machine(made: Places) -> Machine:
    return Machine(
        environment=os.environ, engine_home=made.engine_home, cache=made.state / "runtimes", has_gpus=False
    )


def launch(argv: tuple[str, ...], made: Places, *options: str) -> tuple[Launch, int]:
    port = free_port()
    everything = (*argv, *options, "--host", "127.0.0.1", "--port", str(port), "--offline", "--no-ui")
    wanted = Launch(
        argv=everything, env={"PATH": os.defpath}, log_path=made.logs / "x.log", cwd=made.engine_home
    )
    return wanted, port


@pytest.mark.usefixtures("llama_server")
@pytest.mark.parametrize("kind", ["llama-server", "llamafile", "embedded"])
def test_s0_1_every_kind_of_runtime_becomes_ready_and_ends_with_0(
    kind: str, llama_server: Path, tiny_chat: Path, tmp_path: Path, made: Places, machine: Machine
) -> None:
    paths = {
        "llama-server": str(llama_server),
        "llamafile": str(write_llamafile(tmp_path / "x.llamafile", llama_server)),
    }
    runtime = discover(RuntimeWanted(name=kind, kind=kind, path=paths.get(kind)), machine)  # type: ignore[arg-type]
    wanted, port = launch(runtime.argv, made, "-m", str(tiny_chat), "--alias", "tiny")

    started = start(wanted)
    wait_ready(started, port=port, within=30)
    reply = Engine(started.popen, port, wanted.log_path).chat(max_tokens=4)
    children = psutil.Process(started.pid).children()
    status = stop(started, grace=10)

    assert (runtime.reason, reply.status, reply.body["model"], status) == (None, 200, "tiny", 0)
    assert children == []


def test_b0_17_without_server_a_llamafile_would_not_serve(
    llama_server: Path, tmp_path: Path, made: Places
) -> None:
    llamafile = write_llamafile(tmp_path / "x.llamafile", llama_server)
    wanted, port = launch(("/bin/sh", str(llamafile)), made)

    with pytest.raises(StartFailed, match="pass --server"):
        wait_ready(start(wanted), port=port, within=30)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("-m", "/nonexistent.gguf"), "No such file or directory"),
        (("--nonsense",), "invalid argument: --nonsense"),
    ],
)
def test_an_engine_that_ends_early_says_why(
    llama_server: Path, made: Places, options: tuple[str, ...], words: str
) -> None:
    wanted, port = launch((str(llama_server),), made, *options)

    with pytest.raises(StartFailed, match=words) as caught:
        wait_ready(start(wanted), port=port, within=30)

    assert caught.value.reason == "ExitedEarly"


def test_a_busy_port_is_told_apart(llama_server: Path, tiny_chat: Path, made: Places) -> None:
    wanted, port = launch((str(llama_server),), made, "-m", str(tiny_chat))
    first = start(wanted)
    wait_ready(first, port=port, within=30)

    second = start(wanted)
    eventually(lambda: second.popen.poll() is not None)
    status = stop(first, grace=10)

    assert (second.popen.returncode, status) == (1, 0)
    assert "couldn't bind HTTP server socket" in wanted.log_path.read_text()


@pytest.mark.parametrize("kind", ["llama-server", "embedded"])
def test_an_engine_binds_beside_the_socket_that_keeps_its_port_for_it(
    kind: str, llama_server: Path, tiny_chat: Path, made: Places, machine: Machine
) -> None:
    """The holder never listens and has SO_REUSEADDR; with SO_REUSEPORT instead both engines fail to bind."""
    runtime = discover(RuntimeWanted(name=kind, kind=kind, path=str(llama_server)), machine)  # type: ignore[arg-type]
    wanted, port = launch(runtime.argv, made, "-m", str(tiny_chat))
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        started = start(wanted)
        wait_ready(started, port=port, within=30)

        assert stop(started, grace=5) == 0


PARENT = """
import sys
from contextlib import closing
from pathlib import Path
from reconciler.host.processes import Launch, start
port, log, cwd, *argv = sys.argv[1:]
print(start(Launch(argv=tuple(argv), env={{}}, log_path=Path(log), cwd=Path(cwd))).pid, flush=True)
{death}
"""


DEATHS = {
    "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "ended": "import os; os._exit(0)",
}


@pytest.mark.parametrize("death", DEATHS.values(), ids=DEATHS)
@pytest.mark.parametrize("kind", ["llama-server", "embedded"])
def test_an_engine_outlives_its_parent(
    kind: str, death: str, llama_server: Path, tiny_chat: Path, made: Places, machine: Machine
) -> None:
    runtime = discover(RuntimeWanted(name=kind, kind=kind, path=str(llama_server)), machine)  # type: ignore[arg-type]
    wanted, port = launch(runtime.argv, made, "-m", str(tiny_chat))
    parent = subprocess.run(
        [
            sys.executable,
            "-c",
            PARENT.format(death=death),
            str(port),
            str(wanted.log_path),
            str(wanted.cwd),
            *wanted.argv,
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=30,
    )
    engine = identity_of(int(parent.stdout))

    ready = eventually(lambda: _ready(port), within=30)
    assert engine is not None
    end(engine, grace=1)

    assert ready


def _ready(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=1)) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
