"""Takes secrets out of text that people or logs will see: by known value, by the name before it, by its shape.

Redacting twice changes nothing. What looks like a secret and is none is the price: output, never behaviour.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

REDACTED = "REDACTED"

_NAME = (
    r"(?:api[-_]?key|(?:access|secret|private|auth|client)[-_]?key|secret|passw(?:or)?d|passphrase|credentials?"
    r"|(?:hf|api|access|auth|bearer|refresh|session|bot)[-_]?token)"
)
_OPTION = rf"--?(?!-?(?:no-)?cors-)(?:[\w.-]{{0,40}}?{_NAME}|hft|token)"
_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&"'}\])])+"""  # as a shell joins quoted and bare parts
# Each keeps its first group and replaces the rest of the match.
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"""(authorization\\?["']?[ \t]*[:=][ \t]*\\?["']?(?:(?:bearer|basic|token)[ \t]+)?)[^\s"'\\,;]+""",
        r"(\bbearer[ \t]+)(?=[\w~+/.=-]{8,})[\w~+/.=-]+",
        rf"((?<![\w-]){_OPTION}(?:[ \t]+|=))(?!-){_VALUE}",
        rf"""((?:{_NAME}|["']token)\\"\s*:\s*\\")(?:[^"\\]|\\[^"])*""",
        rf"""((?:{_NAME}|"token)"\s*:\s*")(?:[^"\\]|\\.)*""",
        rf"""((?:{_NAME}|'token)'\s*:\s*')[^']*""",
        rf"({_NAME}[ \t]*[:=][ \t]*){_VALUE}",
        rf"(token=){_VALUE}",
    )
)
_SHAPES = re.compile(
    r"\bhf_(?=[A-Za-z]*[A-Z0-9])[A-Za-z0-9]{8,}|\bsk-[A-Za-z0-9_-]{8,}|\bgh[pousr]_[A-Za-z0-9]{20,}"
)
_SECRET_OPTION = re.compile(_OPTION, re.IGNORECASE)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with every known or recognisable secret replaced."""
    known = tuple(secrets)
    for _ in range(8):  # what was put in may complete another pattern: `Bearer token=x`
        before, text = text, _once(text, known)
        if text == before:
            break
    return text


def _once(text: str, secrets: Iterable[str]) -> str:
    text = _by_value(text, secrets)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{REDACTED}", text)
    return _SHAPES.sub(REDACTED, text)


def redact_argv(argv: Sequence[str], secrets: Iterable[str] = ()) -> list[str]:
    """The argument vector, in which a secret may stand alone after its option."""
    known = tuple(secrets)
    shown: list[str] = []
    for index, token in enumerate(argv):
        after_secret = index > 0 and _SECRET_OPTION.fullmatch(argv[index - 1]) is not None
        shown.append(REDACTED if after_secret else redact(token, known))
    return shown


def _by_value(text: str, secrets: Iterable[str]) -> str:
    """Also as JSON and URLs write them; values under 4 characters are no secrets and would tear words apart."""
    forms = {
        form
        for secret in secrets
        if len(secret) >= 4
        for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""))
    }
    if not forms:
        return text
    ordered = sorted(forms, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, [REDACTED, *ordered])), REDACTED, text)
