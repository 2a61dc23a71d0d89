"""Every row of the feature list that this version claims has a test that carries its number in its name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

ROWS = """
    0.2 0.3 0.4 0.5 0.8 0.9 0.10 0.11 0.13 0.14 0.28 0.31 2.27 2.50 3.13 4.29 4.30
    B0.4 B0.5 B0.6 B0.7 B0.8 B0.9 B0.12 B0.17 B0.21 B1.10 B2.2 B2.3 B2.16 B4.13 B4.15 BX.3
""".split()  # noqa: SIM905 - a word list is read at a glance


def written_in(module: Path) -> list[ast.FunctionDef]:
    tree = ast.parse(module.read_text())
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


FUNCTIONS = [function for module in sorted(TESTS.rglob("test_*.py")) for function in written_in(module)]
NAMES = [function.name for function in FUNCTIONS]


def prefix(row: str) -> str:
    """0.5 is `test_s0_5_`, B0.6 is `test_b0_6_`, BX.3 is `test_bx_3_`."""
    number = row.lower() if row.startswith("B") else f"s{row}"
    return f"test_{number.replace('.', '_')}_"


@pytest.mark.parametrize("row", ROWS)
def test_a_claimed_row_has_a_test(row: str) -> None:
    assert [] != [name for name in NAMES if name.startswith(prefix(row))]


def test_the_table_of_options_has_its_tests() -> None:
    """The long table of rows without numbers is proved in one module, option by option."""
    assert len(written_in(TESTS / "core" / "test_arguments_s0_table.py")) >= 3


def test_every_test_asserts_something() -> None:
    """A test ends in an assertion, an expected failure, or a function that holds one for it."""
    silent = [function.name for function in FUNCTIONS if not any(map(_is_judgement, ast.walk(function)))]

    assert [] == silent


def _is_judgement(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    called = node.func if isinstance(node, ast.Call) else None
    name = (
        called.attr
        if isinstance(called, ast.Attribute)
        else called.id
        if isinstance(called, ast.Name)
        else ""
    )
    return name in {"raises", "fail", "eventually"} or name.startswith(("assert_", "check_"))
