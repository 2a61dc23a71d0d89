"""Who may import whom, and what `spec` and `core` may never touch. design: cli > control > host > core > spec."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "reconciler"

#: What each layer may import of ours, besides itself.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "errors": frozenset(),
    "spec": frozenset({"errors"}),
    "core": frozenset({"spec", "errors"}),
    "host": frozenset({"core", "spec", "errors"}),
    "control": frozenset({"host", "core", "spec", "errors"}),
    "gateway": frozenset({"host", "core", "spec", "errors"}),
    "bridge": frozenset({"host", "core", "spec", "errors"}),
    "cli": frozenset({"control", "gateway", "bridge", "host", "core", "spec", "errors"}),
    "__main__": frozenset({"cli", "errors"}),
    "__init__": frozenset(),
}
IMPURE_MODULES = frozenset(
    """
    asyncio subprocess time random secrets httpx psutil pynvml sqlite3 starlette uvicorn watchfiles
    socket select signal threading multiprocessing concurrent shutil tempfile glob http ssl ctypes
    resource fcntl logging uuid getpass platform locale
    """.split()  # noqa: SIM905 - a word list is read at a glance
)
IMPURE_CALLS = frozenset({"open", "input", "print", "exec", "eval", "__import__", "breakpoint"})
IMPURE_ATTRIBUTES = frozenset(
    {
        "environ",
        "getenv",
        "read_text",
        "read_bytes",
        "write_text",
        "write_bytes",
        "now",
        "today",
        "utcnow",
        "getcwd",
    }
)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def layer_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import in line {node.lineno}"
            yield node.lineno, node.module or ""


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path: Path) -> None:
    """A layer imports only layers below it."""
    layer = layer_of(path)
    allowed = MAY_IMPORT[layer] | {layer}
    upward = [
        f"{path}:{line} imports {name}"
        for line, name in imports(ast.parse(path.read_text()))
        if name.startswith("reconciler.") and name.split(".")[1] not in allowed
    ]

    assert [] == upward


@pytest.mark.parametrize(
    "path",
    [path for path in modules() if layer_of(path) in {"spec", "core", "errors"}],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_deciding_layers_do_no_input_or_output(path: Path) -> None:
    """`spec` and `core` read no clock, file, environment or network."""
    tree = ast.parse(path.read_text())
    found = [
        f"{path}:{line} imports {name}"
        for line, name in imports(tree)
        if name.split(".")[0] in IMPURE_MODULES
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            found.append(f"{path}:{node.lineno} calls {node.func.id}")
        if isinstance(node, ast.Attribute) and node.attr in IMPURE_ATTRIBUTES:
            found.append(f"{path}:{node.lineno} uses .{node.attr}")

    assert [] == found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_where_it_stands(path: Path) -> None:
    """A module opens with a docstring, and stays small enough to be read in one go."""
    text = path.read_text()

    assert ast.get_docstring(ast.parse(text))
    assert len(text.splitlines()) <= 500


def test_s3_13_nothing_runs_a_shell() -> None:
    """3.13: no shell=True, no os.system, no popen: argv lists only."""
    shells = {"os": {"system", "popen"}, "subprocess": {"getoutput", "getstatusoutput"}}
    found = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.attr in shells.get(node.value.id, set())
            ):
                found.append(f"{path}:{node.lineno} {node.value.id}.{node.attr}")
            if isinstance(node, ast.keyword) and node.arg == "shell":
                found.append(f"{path}:{node.value.lineno} shell=")

    assert [] == found
