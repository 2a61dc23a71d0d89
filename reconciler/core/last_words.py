"""Why an engine ended, from the lines that it logged: the first error says the cause, later ones its echoes."""

from __future__ import annotations

import re

#: `0.00.003.502 E tag: text`, as llama-server logs; `error: text`, as it and our launcher say before they log.
_ERROR = re.compile(
    r"^(?:[\d.]+ E (?P<logged>.*)|(?P<said>(?:error|fatal|terminate called).*))$", re.IGNORECASE
)
_STAMP = re.compile(r"^[\d.]+ [A-Z] ")
_TERMINAL = re.compile(r"\x1b\[[0-9;]*m")

LONGEST = 400


def last_words(log: str) -> str:
    """One line, or an empty string for a log that says nothing."""
    lines = [line for raw in log.splitlines() if (line := _TERMINAL.sub("", raw).strip())]
    said = [match["said"] for line in lines if (match := _ERROR.match(line)) and match["said"]]
    logged = [match["logged"] for line in lines if (match := _ERROR.match(line)) and match["logged"]]
    chosen = logged[:1] or said[-1:] or lines[-1:]
    return _STAMP.sub("", chosen[0])[:LONGEST] if chosen else ""
