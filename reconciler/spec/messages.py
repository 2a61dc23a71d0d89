"""Pydantic's findings in the words of the manifest language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, ValidationError

from reconciler.spec.kinds import fields_at
from reconciler.spec.problems import FieldPath, Problem
from reconciler.spec.shapes import nearest

_YES = frozenset({"on", "yes", "y", "true", "1"})


def problems_of(error: ValidationError, kind: type[BaseModel]) -> list[Problem]:
    """One Problem for each finding; a scalar that has several (a union) is told once."""
    told: dict[FieldPath, Problem] = {}
    for finding in error.errors(include_url=False):
        problem = _problem(finding, kind)
        told.setdefault(problem.path, problem)
    return list(told.values())


def _problem(finding: Any, kind: type[BaseModel]) -> Problem:
    path: FieldPath = tuple(step for step in finding["loc"] if step != "[key]")
    at_key = "[key]" in finding["loc"]
    context = finding.get("ctx", {})
    write = _MESSAGES.get(finding["type"])
    if finding["type"] == "extra_forbidden":
        return _unknown_key(path, kind)
    if finding["type"] == "missing":
        return _missing(path)
    if finding["input"] is None:
        return Problem(path, "has no value", "give it one, or remove the key", at_key=True)
    if finding["type"] == "scalar":
        return Problem(path, context["message"], context["hint"], at_key=at_key)
    message, hint = write(finding["input"], context) if write else (finding["msg"], "")
    return Problem(path, message, hint, at_key=at_key)


def _unknown_key(path: FieldPath, kind: type[BaseModel]) -> Problem:
    known = fields_at(path[:-1], kind)
    guess = nearest(str(path[-1]), list(known))
    hint = f"did you mean {guess}?" if guess else f"known keys: {', '.join(sorted(known))}"
    return Problem(path, f"unknown key {path[-1]!r}", hint, at_key=True)


def _missing(path: FieldPath) -> Problem:
    return Problem(path, "is missing", f"add {path[-1]}: ...", at_key=True)


def _shown(value: object) -> str:
    text = (
        repr(value)
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
    if isinstance(value, dict):
        text = "a mapping"
    elif isinstance(value, tuple):
        text = "a list"
    return text if len(text) <= 60 else text[:57] + "..."


def _whole_number(value: object, _context: Any) -> tuple[str, str]:
    hint = ""
    if isinstance(value, str):
        digits = value.replace("_", "").replace(",", "").strip()
        hint = f"write {int(digits)}" if digits.lstrip("-").isdigit() else ""
    if isinstance(value, float):
        hint = f"write {round(value)}"
    return f"must be a whole number, not {_shown(value)}", hint


def _number(value: object, _context: Any) -> tuple[str, str]:
    hint = ""
    if isinstance(value, str):
        try:
            hint = f"write {float(value):g}"
        except ValueError:
            hint = ""
    return f"must be a number, not {_shown(value)}", hint


def _truth(value: object, _context: Any) -> tuple[str, str]:
    if isinstance(value, str | int):
        return (
            f"must be true or false, not {_shown(value)}",
            f"write {str(str(value).lower() in _YES).lower()}",
        )
    return f"must be true or false, not {_shown(value)}", ""


def _text(value: object, _context: Any) -> tuple[str, str]:
    hint = f'write "{_shown(value)}"' if isinstance(value, bool | int | float) else ""
    return f"must be text, not {_shown(value)}", hint


def _choice(value: object, context: Any) -> tuple[str, str]:
    choices = [choice.strip("'") for choice in context["expected"].replace(" or ", ", ").split(", ")]
    if isinstance(value, bool) and {"on", "off"} <= set(choices):
        return f"must be text, not {_shown(value)}", f'write "{"on" if value else "off"}"'
    guess = nearest(value, choices) if isinstance(value, str) else ""
    hint = f"did you mean {guess}?" if guess else f"one of {', '.join(choices)}" if len(choices) > 1 else ""
    return (
        f"must be {choices[0]}, not {_shown(value)}" if len(choices) == 1 else f"cannot be {_shown(value)}"
    ), hint


def _list(value: object, _context: Any) -> tuple[str, str]:
    shown = value if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    return (
        f"must be a list, not {_shown(value)}",
        f"write [{shown}]" if shown is not None else "begin each item with -",
    )


def _mapping(value: object, _context: Any) -> tuple[str, str]:
    return f"must be a mapping, not {_shown(value)}", "write `key: value` pairs"


def _bound(words: str, key: str) -> Callable[[object, Any], tuple[str, str]]:
    def write(value: object, context: Any) -> tuple[str, str]:
        return f"must be {words} {context[key]:g}, not {_shown(value)}", ""

    return write


def _too_long(_value: object, context: Any) -> tuple[str, str]:
    return f"has {context['actual_length']} items; at most {context['max_length']} are allowed", ""


def _too_short(_value: object, context: Any) -> tuple[str, str]:
    return (
        f"has {context['actual_length']} items; at least {context['min_length']} is needed",
        "or remove the key",
    )


_MESSAGES: dict[str, Callable[[object, Any], tuple[str, str]]] = {
    "int_type": _whole_number,
    "int_from_float": _whole_number,
    "float_type": _number,
    "finite_number": lambda value, _: (f"must be a finite number, not {_shown(value)}", ""),
    "bool_type": _truth,
    "string_type": _text,
    "literal_error": _choice,
    "tuple_type": _list,
    "dict_type": _mapping,
    "mapping_type": _mapping,
    "model_type": _mapping,
    "model_attributes_type": _mapping,
    "greater_than_equal": _bound("at least", "ge"),
    "less_than_equal": _bound("at most", "le"),
    "too_long": _too_long,
    "too_short": _too_short,
}
