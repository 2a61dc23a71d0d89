"""What `tests/conftest.py` promises to every test, seen from outside: pytest runs on a file of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def _pytest(folder: Path, test: str, **env: str) -> str:
    file = folder / "test_it.py"
    file.write_text(f"import os, subprocess, sys\nimport pytest\n\n{test}\n")
    plugins = ["-p", "pytest_timeout", "-p", "tests.conftest"]
    command = [sys.executable, "-m", "pytest", *plugins, "-c", str(ROOT / "pyproject.toml"), "-rA"]
    options = ["--rootdir", str(ROOT), "--basetemp", str(folder / "inner"), str(file)]
    result = subprocess.run(
        [*command, *options],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            **env,
        },  # the plugins take longer than the tests
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stdout + result.stderr


def test_a_child_that_is_left_running_is_killed_and_reported(tmp_path: Path) -> None:
    test = "def test_it():\n    sys.kept = subprocess.Popen(['sleep', '60'])"

    report = _pytest(tmp_path, test)

    assert "left running:" in report
    assert "['sleep', '60']" in report
    assert "1 error" in report


def test_an_orphan_that_is_left_running_is_killed_and_reported(tmp_path: Path) -> None:
    loop = "import time; time.sleep(60)"
    test = (
        "def test_it(tmp_path):\n"
        f"    command = f'{sys.executable} -c \"{loop}\" {{tmp_path}} >/dev/null 2>&1 &'\n"
        "    subprocess.run(['setsid', 'sh', '-c', command], check=True)"
    )

    report = _pytest(tmp_path, test)

    assert "left running as orphans:" in report
    assert "1 passed, 1 error" in report


def test_the_environment_is_a_tests_own(tmp_path: Path) -> None:
    test = (
        "def test_it():\n"
        "    assert os.listdir(os.environ['HOME']) == []\n"
        "    assert {'LLAMA_ARG_TOOLS', 'HF_TOKEN', 'RECONCILER_X', 'LOCAL_LLM_Y'}.isdisjoint(os.environ)"
    )

    report = _pytest(tmp_path, test, LLAMA_ARG_TOOLS="all", HF_TOKEN="t", RECONCILER_X="1", LOCAL_LLM_Y="1")

    assert "1 passed" in report


def test_without_the_engine_its_tests_are_skipped_unless_it_is_required(tmp_path: Path) -> None:
    test = "def test_it(llama_server):\n    pass\n\n@pytest.mark.llama_server\ndef test_other():\n    pass"

    skipped = _pytest(tmp_path, test, RECONCILER_LLAMA_SERVER="/nowhere", RECONCILER_REQUIRE_LLAMA_SERVER="")
    failed = _pytest(tmp_path, test, RECONCILER_LLAMA_SERVER="/nowhere", RECONCILER_REQUIRE_LLAMA_SERVER="1")

    assert "2 skipped" in skipped
    assert "2 errors" in failed
