"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], *, within: float = 10.0, every: float = 0.01) -> T:
    """The first truthy answer of `condition`; an exception of its last try shows why it never came."""
    deadline = time.monotonic() + within
    while True:
        failure: Exception | None = None
        try:
            if answer := condition():
                return answer
        except Exception as error:  # noqa: BLE001 - any failure may pass by the next try
            failure = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s: {condition!r}") from failure
        time.sleep(every)
