from __future__ import annotations

import hashlib
import os
import pty
import re
import subprocess
import time
from pathlib import Path

from reconciler.spec.kinds import Client
from reconciler.spec.trees import read_file
from tests.cli.running import COMMAND, ROOT, environment, on_terminal, reconciler


def _client(text: str) -> Client:
    reading = read_file("client.yaml", text.encode())
    assert reading.diagnostics == ()
    (declared,) = reading.objects
    assert isinstance(declared.manifest, Client)
    return declared.manifest


def test_a_new_key_is_on_stderr_alone_and_its_hash_in_the_manifest() -> None:
    ran = reconciler("keys", "new", "alice")

    key = ran.stderr.strip()
    manifest = _client(ran.stdout)
    assert 0 == ran.code
    assert re.fullmatch(r"rk_[A-Za-z0-9_-]{43}", key)
    assert key not in ran.stdout
    assert "alice" == manifest.metadata.name
    assert f"sha256:{hashlib.sha256(key.encode()).hexdigest()}" == manifest.spec.keys[0].hash
    assert ("use",) == manifest.spec.roles


def test_the_printed_manifest_passes_validate(tmp_path: Path) -> None:
    manifest = tmp_path / "alice.yaml"
    manifest.write_text(
        reconciler("keys", "new", "alice", "--role", "load", "--expires", "2099-12-31").stdout
    )

    assert 0 == reconciler("validate", manifest, "--strict").code


def test_roles_and_expiry_reach_the_manifest() -> None:
    ran = reconciler("keys", "new", "ops", "--role", "use", "--role", "admin", "--expires", "2099-12-31")

    manifest = _client(ran.stdout)
    assert ("use", "admin") == manifest.spec.roles
    assert "2099-12-31" == str(manifest.spec.keys[0].expires)


def test_no_two_keys_are_the_same() -> None:
    assert reconciler("keys", "new", "a").stderr != reconciler("keys", "new", "a").stderr


def test_the_manifest_as_json_is_a_manifest_too() -> None:
    ran = reconciler("keys", "new", "alice", "-o", "json")

    assert "Client" == ran.json["kind"]
    assert "alice" == _client(ran.stdout).metadata.name


def test_a_terminal_shows_the_key_with_a_word_on_what_to_do() -> None:
    shown = on_terminal("keys", "new", "alice")

    assert "The key of alice, shown only now" in shown
    assert re.search(r"^  rk_[A-Za-z0-9_-]{43}\r?$", shown, re.MULTILINE)


def test_a_name_that_no_client_can_have_is_refused() -> None:
    ran = reconciler("keys", "new", "Alice Smith")

    assert 64 == ran.code
    assert "" == ran.stdout
    assert "'Alice Smith'" in ran.stderr
    assert "rk_" not in ran.stderr


def test_a_key_that_could_never_work_is_refused() -> None:
    ran = reconciler("keys", "new", "alice", "--expires", "2020-01-01")

    assert 64 == ran.code
    assert "2020-01-01 is over" in ran.stderr


def test_an_expiry_that_is_no_date_is_refused_with_an_example() -> None:
    ran = reconciler("keys", "new", "alice", "--expires", "soon")

    assert 64 == ran.code
    assert "'soon' is no date (write it as 2099-12-31)" in ran.stderr


def test_no_key_is_shown_when_its_manifest_could_not_be_written() -> None:
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [*COMMAND, "keys", "new", "alice"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            cwd=ROOT,
            check=False,
        )

    assert 1 == ran.returncode
    assert b"rk_" not in ran.stderr


def test_the_hash_of_a_piped_key_is_the_one_in_its_manifest() -> None:
    new = reconciler("keys", "new", "alice")

    hashed = reconciler("keys", "hash", stdin=new.stderr)

    assert _client(new.stdout).spec.keys[0].hash == hashed.stdout.strip()
    assert "" == hashed.stderr


def test_the_hash_is_there_as_json() -> None:
    ran = reconciler("keys", "hash", "-o", "json", stdin="rk_0123456789abcdef0123\r\n")

    assert {"hash": f"sha256:{hashlib.sha256(b'rk_0123456789abcdef0123').hexdigest()}"} == ran.json


def test_a_key_on_the_command_line_is_refused_and_not_repeated() -> None:
    ran = reconciler("keys", "hash", "rk_verysecret")

    assert 64 == ran.code
    assert "process list" in ran.stderr
    assert "verysecret" not in ran.stdout + ran.stderr


def test_an_empty_or_manifold_key_is_refused() -> None:
    nothing, two = reconciler("keys", "hash", stdin="\n"), reconciler("keys", "hash", stdin="one\ntwo\n")

    assert [1, 1] == [nothing.code, two.code]
    assert "an empty key" in nothing.stderr
    assert "one line" in two.stderr


def test_bytes_that_are_no_text_are_refused() -> None:
    ran = reconciler("keys", "hash", stdin=b"\xff\xfe\x00")

    assert 1 == ran.code
    assert "it is no text" in ran.stderr


def test_a_key_that_can_be_guessed_is_hashed_with_a_warning() -> None:
    ran = reconciler("keys", "hash", stdin="secret")

    assert 0 == ran.code
    assert "warning: a key of 6 characters can be guessed\n" == ran.stderr


def test_a_terminal_asks_for_the_key_and_does_not_show_it() -> None:
    pid, screen = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(COMMAND[0], [*COMMAND, "keys", "hash"], environment())  # noqa: S606 - our own command
    shown = b""
    deadline = time.monotonic() + 30
    while b"Key: " not in shown and time.monotonic() < deadline:
        shown += os.read(screen, 1024)
    os.write(screen, b"rk_0123456789abcdef0123\n")
    while True:
        try:
            shown += os.read(screen, 1024)
        except OSError:
            break
    _, status = os.waitpid(pid, 0)
    os.close(screen)

    assert 0 == os.waitstatus_to_exitcode(status)
    assert b"rk_0123456789abcdef0123" not in shown
    assert hashlib.sha256(b"rk_0123456789abcdef0123").hexdigest().encode() in shown
