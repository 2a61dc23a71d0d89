"""Pydantic's findings in the words of the manifest language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from reconciler.spec.foreign_words import home_of
from reconciler.spec.kinds import ModelDeployment, fields_at
from reconciler.spec.nodes import Document, Scalar, walk
from reconciler.spec.problems import FieldPath, Problem, holds_secret, shown
from reconciler.spec.scalars import NUMBER, WRITTEN, text_of
from reconciler.spec.shapes import nearest
from reconciler.spec.yaml_scalars import old_meaning, resolve

_YES = frozenset({"on", "yes", "y", "true", "1"})
_AUTOMATIC = frozenset({"auto", "automatic", "default", "none"})
_MOST_KEYS = 12
_LEAST_PORT = 1024


def problems_of(error: ValidationError, kind: type[BaseModel], document: Document) -> list[Problem]:
    """One Problem for each mistake: what only follows from another finding is left out."""
    findings = error.errors(include_url=False)
    told: dict[FieldPath, Problem] = {}
    for finding in findings:
        if not _follows(finding, findings, kind):
            problem = _problem(finding, kind, document)
            told.setdefault(problem.path, problem)
    return list(told.values())


def _follows(finding: Any, findings: list[Any], kind: type[BaseModel]) -> bool:
    """A list that is too short without its wrong items; a key that is missing because it is misspelt."""
    path = finding["loc"]
    if finding["type"] == "too_short":
        return any(len(one["loc"]) > len(path) and one["loc"][: len(path)] == path for one in findings)
    if finding["type"] == "missing":
        misspelt = [one["loc"] for one in findings if one["type"] == "extra_forbidden"]
        return any(
            one[:-1] == path[:-1] and nearest(str(one[-1]), list(fields_at(path[:-1], kind))) == path[-1]
            for one in misspelt
        )
    return False


def missing_values(document: Document, kind: type[BaseModel]) -> Iterator[Problem]:
    """Keys without a value: absent means automatic, and nothing says that an empty place means the same."""
    for path, node in walk(document.root):
        if (
            isinstance(node, Scalar)
            and node.value is None
            and path
            and path[-1] in fields_at(path[:-1], kind)
        ):
            yield _no_value(path)


def _no_value(path: FieldPath) -> Problem:
    return Problem(path, "has no value", "give it one, or remove the key", at_key=True)


def _problem(finding: Any, kind: type[BaseModel], document: Document) -> Problem:
    path: FieldPath = tuple(step for step in finding["loc"] if step != "[key]")
    at_key, context, value = "[key]" in finding["loc"], finding.get("ctx", {}), finding["input"]
    if finding["type"] == "extra_forbidden":
        return _unknown_key(path, kind)
    if finding["type"] == "missing":
        return _missing(path, kind)
    if value is None and not at_key:
        return _no_value(path)
    if finding["type"] == "scalar":
        message, hint = context["message"], context["hint"]
    elif holds_secret(path) and isinstance(value, str | int | float):
        message, hint = "has a value of the wrong type", _secret_hint(path)
    elif write := _MESSAGES.get(finding["type"]):
        message, hint = write(value, context)
    else:
        message, hint = finding["msg"], ""
    node = document.find(path)
    written = shown(node.text if isinstance(node, Scalar) else str(value))
    hint = hint.replace(WRITTEN, f'"{written}"') or (
        _secret_hint(path) if holds_secret(path) else _example(path, kind)
    )
    return Problem(path, message.replace(NUMBER, written), hint, at_key=at_key)


def _example(path: FieldPath, kind: type[BaseModel]) -> str:
    """The documented example of a field, where nothing better is known."""
    info = fields_at(path[:-1], kind).get(str(path[-1])) if path else None
    examples = (getattr(info, "json_schema_extra", None) or {}).get("examples")
    default = getattr(info, "default", None)
    if examples:
        return f"such as {_flow(examples[0])}"
    return f"such as {default}" if isinstance(default, str | int | float) else ""


def _secret_hint(path: FieldPath) -> str:
    if "env" in path:
        return "write it as text, or better in secretEnv with fromFile or fromEnv"
    if "secretEnv" in path:
        return "write {fromFile: PATH} or {fromEnv: NAME}; a manifest never holds a secret"
    return "write {hash: ...}, as `reconciler keys new NAME` prints it"


def _unknown_key(path: FieldPath, kind: type[BaseModel]) -> Problem:
    known = sorted(fields_at(path[:-1], kind))
    guess = nearest(str(path[-1]), known)
    home = home_of(str(path[-1])) if kind is ModelDeployment else ""
    if home and home.rpartition(".")[2] != guess:
        hint = f"write {home}"
    elif guess:
        hint = f"did you mean {guess}?"
    else:
        more = ", ..." if len(known) > _MOST_KEYS else ""
        hint = _elsewhere(str(path[-1]), kind) or f"known keys: {', '.join(known[:_MOST_KEYS])}{more}"
    return Problem(path, f"unknown key {shown(str(path[-1]))!r}", hint, at_key=True)


def _elsewhere(key: str, kind: type[BaseModel]) -> str:
    """Where a key belongs that is right but stands one or two levels too high or too low."""
    places = [
        ".".join((*parent, key))
        for parent in ((), ("metadata",), ("spec",), *(("spec", name) for name in fields_at(("spec",), kind)))
        if key in fields_at(parent, kind)
    ]
    return f"it belongs to {places[0]}" if len(places) == 1 else ""


def _missing(path: FieldPath, kind: type[BaseModel]) -> Problem:
    info = fields_at(path[:-1], kind).get(str(path[-1]))
    examples = (getattr(info, "json_schema_extra", None) or {}).get("examples", ["..."])
    return Problem(path, "is missing", f"add {path[-1]}: {_flow(examples[0])}", at_key=True)


def _flow(value: object) -> str:
    """An example as it may be pasted into YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(one) for one in value) + "]"
    if not isinstance(value, str):
        return str(value)
    is_text = isinstance(resolve(value), str) and not old_meaning(value)
    is_plain = is_text and value[0] not in "*&!|>%@`?'" and not set(value) & set(':#,[]{}"')
    return value if is_plain else f'"{shown(value)}"'


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, tuple) else text_of(value)


def _whole_number(value: object, _context: Any) -> tuple[str, str]:
    hint = ""
    if isinstance(value, str):
        hint = _number_meant(value)
    if isinstance(value, float) and abs(value) < 1e15:
        hint = f"write {value:.0f}"
    return f"must be a whole number, not {_shown(value)}", hint


def _number_meant(text: str) -> str:
    digits = text.replace("_", "").replace(",", "").strip()
    if re.fullmatch(r"-?\d{1,18}", digits, re.ASCII):
        return f"write {int(digits)}"
    if thousands := re.fullmatch(r"(\d{1,6})\s*[kK]", digits, re.ASCII):
        return f"write {int(thousands[1]) * 1024}"
    if text.casefold() in _AUTOMATIC:
        return "remove the key: absent means automatic"
    return ""


def _number(value: object, _context: Any) -> tuple[str, str]:
    is_number = isinstance(value, str) and re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", value.strip(), re.ASCII)
    return f"must be a number, not {_shown(value)}", f"write {str(value).strip()}" if is_number else ""


def _truth(value: object, _context: Any) -> tuple[str, str]:
    if isinstance(value, str | int):
        return (
            f"must be true or false, not {_shown(value)}",
            f"write {'true' if str(value).lower() in _YES else 'false'}",
        )
    return f"must be true or false, not {_shown(value)}", ""


def _text(value: object, _context: Any) -> tuple[str, str]:
    hint = f"write {WRITTEN}" if isinstance(value, bool | int | float) else ""
    return f"must be text, not {_shown(value)}", hint


def _choice(value: object, context: Any) -> tuple[str, str]:
    choices = [choice.strip("'") for choice in context["expected"].replace(" or ", ", ").split(", ")]
    if isinstance(value, bool) and {"on", "off"} <= set(choices):
        return f"must be text, not {_shown(value)}", f'write "{"on" if value else "off"}"'
    if len(choices) == 1:
        return f"must be {choices[0]}, not {_shown(value)}", f"write {choices[0]}"
    guess = nearest(value, choices) if isinstance(value, str) else ""
    hint = f"did you mean {guess}?" if guess else f"one of {', '.join(choices)}"
    return f"cannot be {_shown(value)}", hint


def _list(value: object, _context: Any) -> tuple[str, str]:
    plain = isinstance(value, str | int | float) and not isinstance(value, bool)
    if isinstance(value, int) and value >= _LEAST_PORT:
        # A port alone is no item of the one list that has ports; the field's example shows a whole one.
        return f"must be a list, not {_shown(value)}", ""
    hint = f"write [{shown(str(value))}]" if plain else "begin each item with -"
    if isinstance(value, str) and value.startswith("-"):
        # A command line, as shells take it.
        hint = f"write {_flow(shown(value).split())}"
    return f"must be a list, not {_shown(value)}", hint


def _mapping(value: object, _context: Any) -> tuple[str, str]:
    return f"must be a mapping, not {_shown(value)}", ""


def _plain_number(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _bound(words: str, key: str) -> Callable[[object, Any], tuple[str, str]]:
    def write(value: object, context: Any) -> tuple[str, str]:
        return f"must be {words} {_plain_number(context[key])}, not {_shown(value)}", ""

    return write


def _too_long(_value: object, context: Any) -> tuple[str, str]:
    return f"has {context['actual_length']} items; at most {context['max_length']} are allowed", ""


def _too_short(_value: object, context: Any) -> tuple[str, str]:
    return f"is empty; at least {context['min_length']} item is needed", ""


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
