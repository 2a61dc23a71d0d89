from __future__ import annotations

import os
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from reconciler.errors import ReconcilerError, StartFailed
from reconciler.host.processes import Identity, Launch, end, identity_of, start, stop
from reconciler.host.readiness import wait_ready
from tests.eventually import eventually
from tests.fakes import scripted
from tests.fakes.engines import free_port


def launch(folder: Path, *argv: str, **env: str) -> Launch:
    cwd = folder / "cwd"
    cwd.mkdir(exist_ok=True)
    return Launch(argv=argv, env={"PATH": os.defpath, **env}, log_path=folder / "logs/engine.log", cwd=cwd)


def server(folder: Path, **script: object) -> tuple[scripted.ScriptedServer, Launch, int]:
    double = scripted.install(folder / "bin", script)
    port = free_port()
    argv = (str(double.path), "-m", "x.gguf", "--host", "127.0.0.1", "--port", str(port))
    return double, launch(folder, *argv), port


@contextmanager
def stranger(answer: bytes, *, end: bool) -> Iterator[int]:
    """Somebody else's server: gives everyone the answer, and ends it or keeps the connection open."""
    kept: list[socket.socket] = []

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                kept.append(listener.accept()[0])
                # Whoever has had enough may be gone by now.
                with suppress(OSError):
                    kept[-1].sendall(answer)
                    if end:
                        kept[-1].shutdown(socket.SHUT_WR)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in kept:
            connection.close()


def test_a_process_leads_a_session_of_its_own_with_nothing_of_ours(tmp_path: Path) -> None:
    double, wanted, port = server(tmp_path)
    with (tmp_path / "held open").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        started = start(wanted)

    wait_ready(started, port=port, within=10)
    (record,) = double.starts()
    stop(started, grace=5)

    assert record["pid"] == record["pgid"] == record["sid"] == started.pid
    assert record["cwd"] == str(wanted.cwd)
    assert record["stdin"] == "/dev/null"
    assert record["umask"] == 0o077
    assert str(tmp_path / "held open") not in str(record["fds"])
    assert set(record["env"]) - {"LC_CTYPE"} == {"PATH"}


def test_s3_13_words_of_a_command_line_are_never_read_by_a_shell(tmp_path: Path) -> None:
    wanted = launch(tmp_path, sys.executable, "-c", "import sys; print(sys.argv[1:])", "$(id); *", "a b")

    assert start(wanted).popen.wait() == 0
    assert wanted.log_path.read_text() == "['$(id); *', 'a b']\n"


def test_the_log_is_private_and_is_only_appended_to(tmp_path: Path) -> None:
    wanted = launch(tmp_path, "/bin/sh", "-c", "echo out; echo err >&2")

    for _ in range(2):
        assert start(wanted).popen.wait() == 0

    assert wanted.log_path.read_text() == "out\nerr\n" * 2
    assert stat.S_IMODE(wanted.log_path.stat().st_mode) == 0o600


def test_a_log_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    wanted = launch(tmp_path, "/bin/true")
    wanted.log_path.parent.mkdir()
    wanted.log_path.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StartFailed, match="Cannot write") as caught:
        start(wanted)
    assert caught.value.reason == "LogNotWritable"


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (None, 0, "RuntimeMissing"),
        (b"#!/bin/sh\n", 0o644, "RuntimeNotExecutable"),
        (b"\x7fELF nothing", 0o755, "RuntimeWrongArchitecture"),
    ],
)
def test_a_binary_that_cannot_start_says_why(
    tmp_path: Path, content: bytes | None, mode: int, reason: str
) -> None:
    path = tmp_path / "llama-server"
    if content is not None:
        path.write_bytes(content)
        path.chmod(mode)

    with pytest.raises(StartFailed, match=f"Cannot start {path}") as caught:
        start(launch(tmp_path, str(path)))
    assert caught.value.reason == reason


def test_a_missing_working_directory_is_not_taken_for_a_missing_binary(tmp_path: Path) -> None:
    wanted = replace(launch(tmp_path, "/bin/true"), cwd=tmp_path / "gone")

    with pytest.raises(StartFailed, match=f"Cannot enter {tmp_path / 'gone'}"):
        start(wanted)


def test_the_time_until_ready_is_measured(tmp_path: Path) -> None:
    _, wanted, port = server(tmp_path, bind_after=0.1, loading=0.2)
    started = start(wanted)

    elapsed = wait_ready(started, port=port, within=10)

    assert 0.25 < elapsed < 5
    assert stop(started, grace=5) == 0


def test_an_early_end_is_reported_with_its_cause(tmp_path: Path) -> None:
    _, wanted, port = server(
        tmp_path, crash={"at": "loading", "after": 0, "stderr": "0.1 E out of memory\n", "exit": 1}
    )
    wanted.log_path.parent.mkdir()
    wanted.log_path.write_text("0.1 E an earlier launch had another trouble\n")

    begun = time.monotonic()
    with pytest.raises(StartFailed, match="ended with 1: out of memory") as caught:
        wait_ready(start(wanted), port=port, within=60)

    assert caught.value.reason == "ExitedEarly"
    assert time.monotonic() - begun < 10


def test_a_death_by_signal_is_named(tmp_path: Path) -> None:
    wanted = launch(tmp_path, "/bin/sh", "-c", "kill -ABRT $$")

    with pytest.raises(StartFailed, match="ended by SIGABRT: it logged nothing"):
        wait_ready(start(wanted), port=free_port(), within=60)


@pytest.mark.parametrize(
    ("script", "words"), [({"loading": 60}, "/health says 503"), ({"bind_after": 60}, "nobody listens")]
)
def test_a_start_that_takes_too_long_says_what_it_was_doing(
    tmp_path: Path, script: dict[str, object], words: str
) -> None:
    _, wanted, port = server(tmp_path, **script)
    started = start(wanted)

    with pytest.raises(StartFailed, match=words) as caught:
        wait_ready(started, port=port, within=0.3)
    stop(started, grace=1)

    assert caught.value.reason == "NotReadyInTime"


def test_an_end_without_a_log_is_told_all_the_same(tmp_path: Path) -> None:
    """The state directory may be deleted under a running fleet."""
    wanted = launch(tmp_path, "/bin/sh", "-c", f"rm {tmp_path}/logs/engine.log; kill -40 $$")

    with pytest.raises(StartFailed, match="ended by signal 40: it logged nothing"):
        wait_ready(start(wanted), port=free_port(), within=60)


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 99, b"x" * 4096, b"HTTP/1.1 2"]
)
def test_a_stranger_on_the_port_is_never_taken_for_an_engine(tmp_path: Path, answer: bytes) -> None:
    started = start(launch(tmp_path, "/bin/sleep", "60"))

    with stranger(answer, end=True) as port, pytest.raises(StartFailed, match="/health") as caught:
        wait_ready(started, port=port, within=0.1)
    stop(started, grace=1)

    assert caught.value.reason == "NotReadyInTime"


def test_an_answer_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    started = start(launch(tmp_path, "/bin/sleep", "60"))
    begun = time.monotonic()

    with stranger(b"H", end=False) as port, pytest.raises(StartFailed, match="does not answer /health"):
        wait_ready(started, port=port, within=0.1)
    stop(started, grace=1)

    assert time.monotonic() - begun < 5


def test_a_stop_that_cannot_succeed_ends_and_says_so(tmp_path: Path) -> None:
    """As with a process that hangs in a driver: here it is one that no signal of ours is meant for."""
    started = start(launch(tmp_path, "/bin/sleep", "60"))
    another = replace(started.identity, start_ticks=started.identity.start_ticks - 1)

    with pytest.raises(ReconcilerError, match=f"Cannot end process {started.pid}"):
        stop(replace(started, identity=another), grace=0.1)

    assert stop(started, grace=5) == -signal.SIGTERM


def test_a_lost_term_is_repeated(tmp_path: Path) -> None:
    double, wanted, port = server(tmp_path, ignore_term=1)
    started = start(wanted)
    wait_ready(started, port=port, within=10)

    stop(started, grace=0.2)

    assert double.signals()[:2] == ["SIGTERM", "SIGTERM"]


def test_what_ignores_every_term_is_killed_with_its_children(tmp_path: Path) -> None:
    _, wanted, port = server(tmp_path, ignore_term=-1, child=60)
    started = start(wanted)
    wait_ready(started, port=port, within=10)
    (child,) = psutil.Process(started.pid).children()

    status = stop(started, grace=0.1)

    assert status == -signal.SIGKILL
    assert eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_children_that_outlive_a_willing_leader_are_killed(tmp_path: Path) -> None:
    _, wanted, port = server(tmp_path, child=60)
    started = start(wanted)
    wait_ready(started, port=port, within=10)
    (child,) = psutil.Process(started.pid).children()

    assert stop(started, grace=5) == 0
    assert eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_number_that_belongs_to_somebody_else_by_now_is_not_signalled(tmp_path: Path) -> None:
    double, wanted, port = server(tmp_path)
    started = start(wanted)
    wait_ready(started, port=port, within=10)
    another = replace(started.identity, start_ticks=started.identity.start_ticks - 1)

    end(another, grace=0.1)
    wait_ready(started, port=port, within=10)

    assert [] == double.signals()
    assert stop(started, grace=5) == 0


def test_a_program_may_have_any_name(tmp_path: Path) -> None:
    """The name stands in the line of /proc that identities are read from."""
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to("/bin/sleep")
    started = start(launch(tmp_path, str(program), "60"))

    assert identity_of(started.pid) == started.identity
    assert stop(started, grace=5) == -signal.SIGTERM


def test_a_process_of_our_own_session_is_not_signalled() -> None:
    ourselves = identity_of(os.getpid())
    assert ourselves is not None
    child = psutil.Popen(["/bin/sleep", "60"])
    member = identity_of(child.pid)
    assert member is not None

    end(member, grace=0.1)

    assert child.is_running()
    child.kill()
    child.wait()


def test_a_stop_of_what_has_ended_returns_its_status(tmp_path: Path) -> None:
    started = start(launch(tmp_path, "/bin/sh", "-c", "exit 3"))
    eventually(lambda: identity_of(started.pid) is None)

    assert stop(started, grace=5) == 3


def test_an_identity_is_boot_number_and_start(tmp_path: Path) -> None:
    started = start(launch(tmp_path, "/bin/sleep", "60"))

    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    ticks = int(Path(f"/proc/{started.pid}/stat").read_text().rpartition(")")[2].split()[19])

    assert started.identity == Identity(boot, started.pid, ticks)
    assert identity_of(2**22 + 1) is None
    stop(started, grace=5)


def test_the_environment_is_not_in_the_text_of_a_launch(tmp_path: Path) -> None:
    assert "s3cret" not in repr(launch(tmp_path, "/bin/true", LLAMA_API_KEY="s3cret"))


def test_an_engine_leaves_no_core_dump(tmp_path: Path) -> None:
    """Its memory holds keys and prompts."""
    started = start(launch(tmp_path, "/bin/sleep", "60"))
    try:
        limits = Path(f"/proc/{started.pid}/limits").read_text()
    finally:
        stop(started, grace=5)

    (line,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert ["0", "0"] == line.split()[4:6]
