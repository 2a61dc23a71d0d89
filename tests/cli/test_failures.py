"""Exceptions that no ordinary run brings about, and the exit codes that they become."""

from __future__ import annotations

import pytest

from reconciler.cli.failures import told


def interrupted_class(_argv: list[str]) -> int:
    """What an import raises when Ctrl-C comes while a class is being made."""
    raise RuntimeError("Error calling __set_name__") from KeyboardInterrupt()


def test_ctrl_c_in_the_making_of_a_class_is_an_interruption(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 130 and one word, not a bug report."""
    assert 130 == told(interrupted_class, [])
    assert "interrupted" in capsys.readouterr().err


def test_an_unexpected_error_is_one_message_and_the_way_to_its_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 1."""

    def broken(_argv: list[str]) -> int:
        raise LookupError("lost")

    assert 1 == told(broken, [])
    assert "RECONCILER_TRACEBACK=1" in capsys.readouterr().err
