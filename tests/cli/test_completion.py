from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reconciler.cli.completion import SHELLS
from reconciler.cli.parsers import parser_of
from reconciler.cli.verbs import VERBS
from tests.cli.running import reconciler


@pytest.fixture(scope="module")
def script() -> str:
    return reconciler("completion", "bash").stdout


def _completed(script: str, *words: str, cwd: str = "/usr") -> set[str]:
    """What bash offers for the last of the words."""
    program = (
        f"{script}\nCOMP_WORDS=(reconciler {' '.join(repr(word) for word in words)})\n"
        f'COMP_CWORD={len(words)}\n_reconciler\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    )
    ran = subprocess.run(["bash", "-euc", program], capture_output=True, text=True, check=True, cwd=cwd)
    assert ran.stderr == ""
    return {line for line in ran.stdout.splitlines() if line}


def test_bash_completes_verbs(script: str) -> None:
    assert {"validate", "version"} == _completed(script, "v")
    assert {verb.words.split()[0] for verb in VERBS} < _completed(script, "")


def test_bash_completes_the_second_word_of_a_verb(script: str) -> None:
    assert {"new", "hash", "--help"} == _completed(script, "keys", "")


def test_bash_completes_the_options_of_every_verb(script: str) -> None:
    for verb in VERBS:
        options = {name for action in parser_of(verb).actions for name in action.option_strings}
        assert options == _completed(script, *verb.words.split(), "-")


def test_bash_completes_values(script: str) -> None:
    assert {"json"} == _completed(script, "version", "-o", "j")
    assert {"engine"} == _completed(script, "keys", "new", "--role", "e")
    assert set(SHELLS) <= _completed(script, "completion", "")


def test_bash_completes_paths_where_a_path_may_stand(script: str) -> None:
    assert {"bin"} == _completed(script, "validate", "-f", "bi")
    assert {"bin"} == _completed(script, "validate", "bi")
    assert set() == _completed(script, "version", "bi")


def test_bash_completes_names_with_spaces(script: str, tmp_path: Path) -> None:
    (tmp_path / "my models.yaml").touch()

    assert {"my models.yaml"} == _completed(script, "validate", "my", cwd=str(tmp_path))


def test_bash_accepts_the_script(script: str) -> None:
    ran = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)

    assert (0, "") == (ran.returncode, ran.stderr)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_script_names_every_verb_and_option(shell: str) -> None:
    ran = reconciler("completion", shell)

    assert 0 == ran.code
    for verb in VERBS:
        assert all(word in ran.stdout for word in verb.words.split())
        for action in parser_of(verb).actions:
            for name in action.option_strings:
                assert name.lstrip("-") in ran.stdout


def test_another_shell_is_refused_with_those_that_there_are() -> None:
    ran = reconciler("completion", "tcsh")

    assert 64 == ran.code
    assert "one of bash, zsh, fish" in ran.stderr
