"""The base of every manifest type and the three ways to declare a field.

A field says in its declaration what changing it does (`restart`, `inplace`, `route`), which engine option it
becomes, and its reference documentation. JSON Schema, `explain` and the docs are printed from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Change = Literal["restart", "inplace", "route"]

#: What each marker means, as `explain` and the docs print it.
CHANGES: dict[Change, str] = {
    "restart": "restarts the model, after its requests have drained",
    "inplace": "takes effect at once; the running process is not touched",
    "route": "takes effect with the next request; the running process is not touched",
}


class Shape(BaseModel):
    """A mapping in a manifest: typed strictly, closed against unknown keys, never changed after parsing."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        alias_generator=to_camel,
        allow_inf_nan=False,
        validate_default=True,
        protected_namespaces=(),
        defer_build=True,
    )


def field(
    change: Change,
    doc: str,
    *,
    default: Any = None,
    example: object = None,
    flag: str = "",
    **bounds: Any,
) -> Any:
    """An optional field. `default` is spelled as in a manifest; None means automatic, and `doc` says what that is."""
    return Field(
        default, description=doc, json_schema_extra=_extra(change, example=example, flag=flag), **bounds
    )


def required(change: Change, doc: str, *, example: object = None, flag: str = "", **bounds: Any) -> Any:
    """A field that has no sensible default."""
    return Field(description=doc, json_schema_extra=_extra(change, example=example, flag=flag), **bounds)


def section(doc: str, of: type[Shape] | None = None, *, example: object = None, needed: bool = False) -> Any:
    """A nested mapping. Its fields carry the change markers; absent, it holds their defaults."""
    extra = _extra(None, example=example, flag="")
    if needed:
        return Field(description=doc, json_schema_extra=extra)
    if of is None:
        return Field(None, description=doc, json_schema_extra=extra)
    return Field(default_factory=of, description=doc, json_schema_extra=extra)


def _extra(change: Change | None, *, example: object, flag: str) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    if change is not None:
        extra["x-reconciler-change"] = change
    if flag:
        extra["x-reconciler-flag"] = flag
    if example is not None:
        extra["examples"] = [example]
    return extra


def nearest(word: str, choices: Sequence[str]) -> str:
    """The choice that a typing mistake probably meant, or an empty string."""
    from difflib import get_close_matches

    if len(word) > 64:
        return ""
    folded = {choice.casefold().replace("-", "").replace("_", ""): choice for choice in sorted(choices)}
    wanted = word.casefold().replace("-", "").replace("_", "")
    if wanted in folded:
        return folded[wanted]
    close = get_close_matches(wanted, list(folded), n=1, cutoff=0.7)
    return folded[close[0]] if close else ""
