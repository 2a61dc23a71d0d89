from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import IO

import pytest

from reconciler.cli import exit_codes
from reconciler.cli.failures import told
from reconciler.cli.starting import start
from reconciler.cli.verbs import GROUPS, VERBS, load
from reconciler.errors import ReconcilerError, RuntimeUnusable
from tests.cli.running import COMMAND, ROOT, environment, on_terminal, reconciler
from tests.eventually import eventually

HEAVY = ("pydantic", "asyncio", "ruamel", "httpx", "json", "importlib.metadata")


def test_the_help_lists_every_verb_and_every_exit_code() -> None:
    ran = reconciler("--help")

    assert 0 == ran.code
    assert "" == ran.stderr
    assert all(f"  {verb.words} " in ran.stdout and verb.summary in ran.stdout for verb in VERBS)
    assert all(f" {code}  {meaning}" in ran.stdout for code, meaning in exit_codes.MEANINGS.items())


def test_the_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from reconciler.cli.starting import start; start(['--help']);"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True
    )

    assert "[]\n" == ran.stderr


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: str(verb.words))
def test_the_help_of_a_verb_imports_nothing_heavy(verb: object) -> None:
    words = [*getattr(verb, "words", "").split(), "--help"]
    code = (
        f"import sys; from reconciler.cli.starting import start; start({words});"
        "print([name for name in ('pydantic', 'asyncio', 'ruamel', 'httpx') if name in sys.modules], file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True
    )

    assert "[]\n" == ran.stderr


def test_the_help_answers_within_a_fifth_of_a_second() -> None:
    def seconds() -> float:
        begun = time.perf_counter()
        reconciler("--help")
        return time.perf_counter() - begun

    assert min(seconds() for _ in range(5)) < 0.2


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: str(verb.words))
def test_every_verb_shows_its_examples(verb: object) -> None:
    words = getattr(verb, "words", "")
    ran = reconciler(*words.split(), "--help")

    assert 0 == ran.code
    assert f"usage: reconciler {words}" in ran.stdout
    assert "examples:" in ran.stdout


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: str(verb.words))
def test_every_example_of_the_help_is_a_valid_command_line(verb: object) -> None:
    from reconciler.cli.parsers import parser_of

    found = next(one for one in VERBS if one is verb)
    calls = [
        match[1]
        for command, _ in load(found).EXAMPLES
        if (match := re.search(rf"reconciler {found.words}((?: (?![<>|]|2>)[^\s)<>|]+)*)", command))
    ]
    parsed = [parser_of(found).parsed(call.split()) for call in calls]

    assert len(load(found).EXAMPLES) == len(parsed)


def test_help_before_a_verb_is_the_help_of_the_verb() -> None:
    assert reconciler("keys", "new", "--help").stdout == reconciler("help", "keys", "new").stdout


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_lists_its_verbs(group: str) -> None:
    asked, alone = reconciler(group, "--help"), reconciler(group)

    assert 0 == asked.code
    assert 64 == alone.code
    assert asked.stdout == alone.stderr
    assert all(verb.words in asked.stdout for verb in VERBS if verb.words.startswith(f"{group} "))


def test_no_words_at_all_show_the_help_and_are_no_success() -> None:
    ran = reconciler()

    assert 64 == ran.code
    assert "" == ran.stdout
    assert "verbs:" in ran.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["vlidate"], "there is no verb 'vlidate' (did you mean validate?)\n  see reconciler --help"),
        (["keys", "hsh"], "there is no verb 'keys hsh' (did you mean hash?)\n  see reconciler keys --help"),
        (["plan"], "there is no verb 'plan' yet: this version checks manifests and does not act on them"),
        (["frobnicate"], "there is no verb 'frobnicate'\n  see reconciler --help"),
        (["-o", "json", "version"], "Cannot understand -o: options stand after the verb"),
        (
            ["version", "--outptu"],
            "unknown option --outptu (did you mean --output?)\n  see reconciler version --help",
        ),
        (["version", "--outp=json"], "unknown option --outp (did you mean --output?)"),
        (["version", "-o", "jsn"], "'jsn' is not possible (did you mean json?)"),
        (["version", "-o"], "argument -o/--output: expected one argument"),
        (["version", "now"], "'now' is one word too many"),
        (["demo", "--port", "70000"], "'70000' is no port (1 to 65535)"),
        (["init"], "the following arguments are required: DIR"),
    ],
)
def test_a_wrong_command_line_ends_with_64_and_says_what_would_be_right(
    words: list[str], message: str
) -> None:
    ran = reconciler(*words)

    assert 64 == ran.code
    assert "" == ran.stdout
    assert message in ran.stderr


def test_a_reader_that_goes_away_is_no_reason_for_a_traceback() -> None:
    words = [*COMMAND, "explain", "modeldeployment", "-r"]
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment({"PYTHONUNBUFFERED": "1"}),
        cwd=ROOT,
    )
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()

    assert 1 == process.wait(timeout=30)
    assert b"" == said


def test_a_full_disk_is_told_in_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            [*COMMAND, "version"],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            cwd=ROOT,
            check=False,
        )

    assert 1 == ran.returncode
    assert b"reconciler: Cannot go on: No space left on device\n" == ran.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_reason_for_a_traceback(closed: str) -> None:
    line = f"{sys.executable} -m reconciler version {closed}"
    ran = subprocess.run(["sh", "-c", line], capture_output=True, env=environment(), cwd=ROOT, check=False)

    assert (0, b"") == (ran.returncode, ran.stderr)


def test_ctrl_c_ends_with_130_and_without_a_traceback() -> None:
    process = subprocess.Popen(
        [*COMMAND, "validate", "-"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        cwd=ROOT,
        bufsize=0,
    )
    assert process.stdin is not None
    process.stdin.write(b"#")
    # What has been read is no longer in the pipe: then everything is imported, and more is waited for.
    eventually(lambda: 0 == _waiting(process.stdin), within=30)

    process.send_signal(signal.SIGINT)

    _, said = process.communicate(timeout=30)
    assert 130 == process.returncode
    assert b"Traceback" not in said


def _waiting(pipe: IO[bytes] | None) -> int:
    """Bytes that nobody has read yet."""
    assert pipe is not None
    count = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
    return int.from_bytes(count, sys.byteorder)


def _interrupted(_: list[str]) -> int:
    raise KeyboardInterrupt


def test_an_interruption_on_a_terminal_is_told_on_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The terminal has written ^C, or a prompt stands open."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    code = told(_interrupted, [])

    assert (130, "\nreconciler: interrupted\n") == (code, capsys.readouterr().err)


def _bug(_: list[str]) -> int:
    raise ZeroDivisionError("division by zero")


def test_an_unexpected_failure_is_one_line_and_the_way_to_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = told(_bug, [])

    assert 1 == code
    assert capsys.readouterr().err == (
        "reconciler: Cannot go on: ZeroDivisionError: division by zero\n"
        "  this is a bug; RECONCILER_TRACEBACK=1 shows where it happened, for a report\n"
    )


def test_the_traceback_is_shown_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILER_TRACEBACK", "1")

    told(_bug, [])

    assert "in _bug" in capsys.readouterr().err


def test_a_failure_prints_its_reason_and_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(_: list[str]) -> int:
        raise RuntimeUnusable("RuntimeMissing", "no llama-server", next_step="install one")

    code = told(fails, [])

    assert 1 == code
    assert "reconciler: RuntimeMissing: no llama-server\n  install one\n" == capsys.readouterr().err


def test_a_failure_never_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    def fails(_: list[str]) -> int:
        raise ReconcilerError("Cannot read \x1b]0;evil\x07.gguf")

    told(fails, [])

    assert "reconciler: Cannot read \\x1b]0;evil\\x07.gguf\n" == capsys.readouterr().err


def test_a_name_that_no_encoding_can_express_is_printed_with_escapes(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    ran = subprocess.run(
        [*COMMAND, "validate", folder], capture_output=True, env=environment(), cwd=ROOT, check=False
    )

    assert 64 == ran.returncode
    assert b"caf\\udce9 does not exist" in ran.stderr


def test_colour_is_for_terminals_that_want_it() -> None:
    assert "\x1b[31m" in on_terminal("frobnicate")
    assert "\x1b[" not in on_terminal("frobnicate", env={"NO_COLOR": "1"})
    assert "\x1b[" not in on_terminal("frobnicate", env={"TERM": "dumb"})
    assert "\x1b[" not in reconciler("frobnicate").stderr


def test_a_start_in_this_process_gives_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    code = start(["version", "-o", "json"])

    assert 0 == code
    assert capsys.readouterr().out.startswith("{")
