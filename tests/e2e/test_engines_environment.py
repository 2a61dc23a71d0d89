"""Hidden configuration: what an engine would read behind our back, and does not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from reconciler.core.environments import Ours, child_environment
from reconciler.host.places import Places, make_places
from reconciler.host.processes import Launch, Started, start, stop
from reconciler.host.readiness import wait_ready
from reconciler.host.runtimes import EMBEDDED_ARGV
from tests.fakes.engines import Engine, free_port, serving

KEY = "k" * 32
TOOLS = "tools = all\n"


@pytest.fixture
def made() -> Places:
    return make_places("default", os.environ)


@contextmanager
def engine(argv: tuple[str, ...], model: Path, made: Places) -> Iterator[tuple[Started, Engine]]:
    """An engine as the product starts it."""
    port = free_port()
    options = ("-m", str(model), "--host", "127.0.0.1", "--port", str(port), "--offline", "--no-ui")
    environment = child_environment(
        os.environ,
        Ours(home=str(made.engine_home), api_key=KEY, marks={"RECONCILER_OWNER": "default"}),
    )
    started = start(
        Launch(argv=(*argv, *options), env=environment, log_path=made.logs / "x.log", cwd=made.engine_home)
    )
    try:
        wait_ready(started, port=port, within=30)
        yield started, Engine(started.popen, port, made.logs / "x.log")
    finally:
        stop(started, grace=5)


def environment_of(pid: int) -> dict[str, str]:
    text = Path(f"/proc/{pid}/environ").read_text()
    return dict(entry.split("=", 1) for entry in text.split("\0") if entry)


def plant_configuration(home: Path, config: Path) -> None:
    for folder in (home / ".config", config):
        planted = folder / "llama.cpp/config.ini"
        planted.parent.mkdir(parents=True)
        planted.write_text(TOOLS)


def test_bx_3_the_parents_options_never_reach_the_engine(
    llama_server: Path, tiny_chat: Path, made: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_ARG_TOOLS", "all")
    monkeypatch.setenv("GGML_BACKEND_PATH", "/nonexistent.so")
    monkeypatch.setenv("LLAMA_ARG_PORT", "1")

    with engine((str(llama_server),), tiny_chat, made) as (started, running):
        seen = environment_of(started.pid)
        tools = running.ask("/tools", {}, key=KEY)

    assert tools.status == 403
    assert not [name for name in seen if name.startswith(("LLAMA_ARG_", "GGML_BACKEND"))]
    assert seen["HOME"] == seen["XDG_CONFIG_HOME"] == str(made.engine_home)


def test_bx_3_a_planted_configuration_of_the_user_is_not_read(
    llama_server: Path, tiny_chat: Path, made: Places
) -> None:
    plant_configuration(Path(os.environ["HOME"]), Path(os.environ["XDG_CONFIG_HOME"]))

    with engine((str(llama_server),), tiny_chat, made) as (_, running):
        tools = running.ask("/tools", {}, key=KEY)

    assert tools.status == 403


@pytest.mark.parametrize("through", ["variable", "home", "xdg"])
def test_the_proofs_would_notice_an_open_tool(
    llama_server: Path, tiny_chat: Path, tmp_path: Path, through: str
) -> None:
    """The same engine with any of the three gives every client a shell; else the proofs prove nothing."""
    plant_configuration(tmp_path / "home", tmp_path / "config")
    env = {
        "variable": {"LLAMA_ARG_TOOLS": "all"},
        "home": {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": ""},
        "xdg": {"XDG_CONFIG_HOME": str(tmp_path / "config")},
    }[through]
    with serving([llama_server], "-m", str(tiny_chat), log=tmp_path / "log", env=env) as running:
        tools = running.ask("/tools", {})

    assert tools.status != 403


def test_the_key_of_the_launch_guards_the_engine(llama_server: Path, tiny_chat: Path, made: Places) -> None:
    with engine((str(llama_server),), tiny_chat, made) as (started, running):
        refused, answered = running.ask("/props"), running.ask("/props", key=KEY)
        command_line = psutil.Process(started.pid).cmdline()

    assert (refused.status, answered.status) == (401, 200)
    assert KEY not in " ".join(command_line)
    assert KEY not in running.log.read_text()


def test_the_embedded_engine_lives_in_the_same_environment(
    tiny_chat: Path, made: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_ARG_TOOLS", "all")
    monkeypatch.setenv("PYTHONPATH", "/nonexistent")

    with engine(EMBEDDED_ARGV, tiny_chat, made) as (started, running):
        seen = environment_of(started.pid)
        tools = running.ask("/tools", {}, key=KEY)

    assert tools.status == 403
    assert set(seen) & {"LLAMA_ARG_TOOLS", "PYTHONPATH"} == set()


def test_the_engines_home_stays_empty(llama_server: Path, tiny_chat: Path, made: Places) -> None:
    with engine((str(llama_server),), tiny_chat, made) as (_, running):
        running.ask("/props", key=KEY)

    assert list(made.engine_home.iterdir()) == []
