"""What a plain YAML scalar means, and whether a YAML 1.1 reader would disagree.

Manifests are YAML 1.2 (core schema). They also pass through tools that read 1.1: where the two differ, the text
is ambiguous for people too, and the diagnostic says how to write it plainly.
"""

from __future__ import annotations

import re

_INTEGER = re.compile(r"[-+]?[0-9]{1,400}", re.ASCII)
_OCTAL_OR_HEX = re.compile(r"0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?", re.ASCII)
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", re.ASCII)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_OLD_TRUE = frozenset({"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"})
_OLD_FALSE = frozenset({"n", "N", "no", "No", "NO", "off", "Off", "OFF"})
_UNDERSCORED = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?", re.ASCII)
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?", re.ASCII)
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+", re.ASCII)
_BINARY = re.compile(r"[-+]?0b[01_]+", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?", re.ASCII)


def resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar by YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if not (text[0] in "-+." or text[0].isdigit()):
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
    if not text or not (text[0].isdigit() or text[0] in "-+"):
        return "a merge key" if text == "<<" else ""
    if _LEADING_ZERO.fullmatch(text):
        return "an octal number"
    if _SEXAGESIMAL.fullmatch(text):
        return "a number to base 60"
    if _UNDERSCORED.fullmatch(text):
        return f"the number {text.replace('_', '')}"
    if _BINARY.fullmatch(text):
        return "a binary number"
    if text.startswith("0o"):
        return "text"
    return "a date" if _DATE.fullmatch(text) else ""
