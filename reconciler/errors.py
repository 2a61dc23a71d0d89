"""Every failure that crosses a module boundary, with its exit code and what to do next.

    ReconcilerError                exit 1
    ├── CommandLineWrong           exit 64   the command line itself is off
    ├── ManifestsInvalid           exit 3    the text of the manifests is wrong
    ├── GgufInvalid                exit 1    a model file is not what it claims to be
    ├── PathRefused                exit 1    a path leaves the directories that the Host allows
    ├── RuntimeUnusable            exit 1    a Runtime cannot be used; `reason` is a CamelCase word
    └── StartFailed                exit 1    an engine was started and did not become ready

A reason (`RuntimeMissing`, `ChecksumMismatch`, ...) is part of the contract: it appears in conditions,
JSON output and the docs, and never changes its spelling.
"""

from __future__ import annotations


class ReconcilerError(Exception):
    """A failure with a message for people and, where there is one, the next step."""

    exit_code = 1

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message} ({self.next_step})" if self.next_step else self.message


class CommandLineWrong(ReconcilerError):
    exit_code = 64


class ManifestsInvalid(ReconcilerError):
    exit_code = 3


class GgufInvalid(ReconcilerError):
    pass


class PathRefused(ReconcilerError):
    pass


class RuntimeUnusable(ReconcilerError):
    def __init__(self, reason: str, message: str, *, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.reason = reason


class StartFailed(ReconcilerError):
    def __init__(self, reason: str, message: str, *, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.reason = reason
