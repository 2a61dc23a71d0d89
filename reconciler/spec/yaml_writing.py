"""One value as YAML in one line: what every reader, of YAML 1.1 or 1.2, takes for the same value again.

The layout around it belongs to whoever writes: block style in `cli.outputs`, short lines in `bridge.manifest_texts`.
"""

from __future__ import annotations

import json
import math
import re

from reconciler.spec.yaml_scalars import old_meaning, resolve

_PLAIN = re.compile(r"[A-Za-z0-9/_][A-Za-z0-9/_.+-]*(?: [A-Za-z0-9/_.+-]+)*")


def scalar(value: object) -> str:
    """Text without quotes where every reader sees text, else quoted as in JSON."""
    if isinstance(value, str):
        return value if _is_plain(value) else _quoted(value)
    return _number(value) if isinstance(value, float) else json.dumps(value)


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text)) and resolve(text) == text and not old_meaning(text)


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escape(char) for char in quoted)


def _escape(char: str) -> str:
    # JSON writes characters beyond 16 bits as two halves, which YAML readers do not join.
    return f"\\u{ord(char):04x}" if ord(char) < 1 << 16 else f"\\U{ord(char):08x}"


def _number(value: float) -> str:
    if not math.isfinite(value):
        return ".nan" if math.isnan(value) else f"{'-' if value < 0 else ''}.inf"
    digits, exponent, power = repr(value).partition("e")
    if not exponent:
        return digits
    # YAML 1.1 takes an exponent without a point and a sign for text.
    return f"{digits if '.' in digits else f'{digits}.0'}e{int(power):+03d}"
