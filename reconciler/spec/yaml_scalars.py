"""What a plain YAML scalar means, and whether a YAML 1.1 reader would disagree.

Manifests are YAML 1.2 (core schema). They also pass through tools that read 1.1: where the two differ, the text
is ambiguous for people too, and the diagnostic says how to write it plainly.
"""

from __future__ import annotations

import re

#: Longer numbers are no numbers that anybody means, and converting them takes time that grows with their square.
MOST_DIGITS = 100

_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", re.ASCII)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_OLD_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"})
_OLD_FALSE = frozenset({"n", "N", "no", "No", "NO", "off", "Off", "OFF"})
_OLD_SIGNS = {"<<": "a merge key", "=": "a default key"}
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?", re.ASCII)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+", re.ASCII)
_BINARY = re.compile(r"[-+]?0b[01_]+", re.ASCII)
_SIGNED_HEX = re.compile(r"[-+]0x[0-9a-fA-F_]+", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?", re.ASCII)
#: 1.1 wants a point in a number with an exponent, and a sign in the exponent.
_OLD_FLOAT = re.compile(r"([-+]?[0-9]+\.[0-9]*([eE][-+][0-9]+)?|\.[0-9]+([eE][-+][0-9]+)?)", re.ASCII)


def is_number(text: str) -> bool:
    """Whether a plain scalar is a number of YAML 1.2, however long."""
    return bool(_FLOAT.fullmatch(text) or _OCTAL_OR_HEX.fullmatch(text))


def has_leading_zero(text: str) -> bool:
    """`0755`: 755 in YAML 1.2, 493 in 1.1."""
    return _LEADING_ZERO.fullmatch(text) is not None


def resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar by YAML 1.2; of numbers up to MOST_DIGITS characters."""
    if text in _WORDS:
        return _WORDS[text]
    if not (text[0] in "-+." or text[0].isdigit()) or len(text) > MOST_DIGITS:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.lower().replace(".", ""))
    return text


def old_meaning(text: str) -> str:
    """What YAML 1.1 reads in a plain scalar, where that differs from 1.2; else an empty string."""
    if text in _OLD_TRUE or text in _OLD_FALSE:
        return "true" if text in _OLD_TRUE else "false"
    if text in _OLD_SIGNS:
        return _OLD_SIGNS[text]
    if not text or not (text[0].isdigit() or text[0] in "-+.") or len(text) > MOST_DIGITS:
        return ""
    if _LEADING_ZERO.fullmatch(text):
        return "text" if "8" in text or "9" in text else "an octal number"
    if _SEXAGESIMAL.fullmatch(text):
        return "a number to base 60"
    if _is_underscored(text):
        return f"the number {text.replace('_', '')}"
    if _BINARY.fullmatch(text):
        return "a binary number"
    if _SIGNED_HEX.fullmatch(text):
        return "a hexadecimal number"
    if _reads_as_old_text(text):
        return "text"
    return "a date" if _DATE.fullmatch(text) else ""


def _is_underscored(text: str) -> bool:
    """1.1 allows them between digits of every number."""
    return "_" in text and is_number(text.replace("_", "").lstrip("+-"))


def plainly(text: str) -> str:
    """How to write what a YAML 1.1 reader sees so that every reader sees it; empty where nobody means that."""
    if text in _OLD_TRUE or text in _OLD_FALSE:
        return "true" if text in _OLD_TRUE else "false"
    if _LEADING_ZERO.fullmatch(text):
        return str(int(text))
    if _is_underscored(text):
        return text.replace("_", "")
    if _FLOAT.fullmatch(text):
        return "it with a point and a signed exponent, as in 1.0e+3,"
    return ""


def _reads_as_old_text(text: str) -> bool:
    if text.startswith("0o"):
        return _OCTAL_OR_HEX.fullmatch(text) is not None
    is_integer = _INTEGER.fullmatch(text) is not None
    return not is_integer and _FLOAT.fullmatch(text) is not None and _OLD_FLOAT.fullmatch(text) is None
