"""What the README shows works as it stands there, and the pages that it leads to exist and are complete."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.spec.trees import join, read_file

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A copy of what the README's commands use, with `reconciler` on PATH."""
    for name in ("manifests", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name)
    program = tmp_path / "bin" / "reconciler"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m reconciler "$@"\n')
    program.chmod(0o755)
    return tmp_path


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["/bin/sh", "-euc", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_two_commands_are_one_line_each() -> None:
    """One sets up and runs the demo, one sets up and passes the tests; CI runs both as they stand."""
    demo, _, tests = blocks("sh")

    assert demo.count("\n") == tests.count("\n") == 1
    assert demo.rstrip().endswith(".venv/bin/reconciler demo")
    assert tests.rstrip().endswith("-m pytest")


def test_the_commands_for_ones_own_models_work(workplace: Path) -> None:
    """init, validate, validate --commands on the tree that comes with the project."""
    for line in blocks("sh")[1].splitlines():
        done = run(line.partition("#")[0], workplace)

        assert (0, "") == (done.returncode, done.stderr)


def test_the_smallest_deployment_is_valid() -> None:
    """The YAML of the README, and the same text in examples/."""
    (text,) = blocks("yaml")

    assert [] == [str(one) for one in join([read_file("README.md", text.encode())]).diagnostics]
    assert text in (ROOT / "examples" / "minimal.yaml").read_text()


def test_the_printed_mistake_is_what_validate_prints(workplace: Path) -> None:
    """The console block is the program's own output."""
    (block,) = blocks("console")
    command, _, expected = block.partition("\n")
    (workplace / "broken.yaml").write_text(
        "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: broken}\n"
        "spec:\n  model: {path: x.gguf}\n  context: {paralel: 2}\n"
    )
    done = run(command.removeprefix("$ "), workplace)

    assert 3 == done.returncode
    assert expected in done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file that is there."""
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())

    assert [] == [link for link in links if not (page.parent / link).exists()]


def test_every_reason_is_documented() -> None:
    """What code raises or records as a reason has its row in docs/reasons.md."""
    source = "\n".join(path.read_text() for path in (ROOT / "reconciler").rglob("*.py"))
    raised = set(re.findall(r'(?:RuntimeUnusable|StartFailed)\(\s*"([A-Z][A-Za-z]+)"', source))
    listed = re.findall(r"Literal\[\s*((?:\"[A-Z][A-Za-z]+\",?\s*)+)\]", source)
    raised |= {name for group in listed for name in re.findall(r'"([A-Z][A-Za-z]+)"', group)}
    page = (ROOT / "docs" / "reasons.md").read_text()
    documented = set(re.findall(r"^\| `([A-Za-z]+)` \|", page, re.MULTILINE))
    kinds = {"ModelDeployment", "Runtime", "ArgPolicy", "Host", "Client"}

    assert documented == raised - kinds


@pytest.mark.parametrize(
    "path", [*sorted((ROOT / "examples").glob("*")), ROOT / "manifests"], ids=lambda path: path.name
)
def test_every_example_validates_on_the_command_line(path: Path, workplace: Path) -> None:
    """Machines differ, so warnings may come; the text has no error."""
    done = run(f"reconciler validate {path.relative_to(ROOT)}", workplace)

    assert 0 == done.returncode, done.stdout + done.stderr


def test_the_tree_that_comes_with_the_project_works_as_it_is(workplace: Path) -> None:
    """`manifests/` brings its own model: not even a warning about files."""
    done = run("reconciler validate manifests", workplace)

    assert 0 == done.returncode
    assert "tiny.gguf" not in done.stdout + done.stderr


def test_the_committed_tiny_model_is_the_one_that_we_make() -> None:
    """Byte for byte, so that nobody can slip another file in."""
    from reconciler.core.tinymodels.kinds import build

    assert build(kind="chat") == (ROOT / "manifests" / "models" / "tiny.gguf").read_bytes()
