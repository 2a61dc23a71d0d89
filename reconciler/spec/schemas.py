"""JSON Schemas (2020-12) of the kinds, for editors, CRDs and `explain`; generated from the types, never by hand."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from reconciler.spec.kinds import KINDS

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"


@lru_cache(maxsize=len(KINDS))
def schema_of(kind: str) -> Schema:
    """The schema of one kind, without references, so that it can become a CRD as it stands."""
    raw = KINDS[kind].model_json_schema(by_alias=True)
    schema: Schema = _plain(raw, raw.get("$defs", {}))
    schema.pop("$defs", None)
    return {"$schema": DIALECT, "title": kind, **schema}


def all_schemas() -> dict[str, Schema]:
    """File name to schema: one for each kind, and `manifest.json`, which takes any of them."""
    files = {f"{kind.lower()}.json": schema_of(kind) for kind in KINDS}
    files["manifest.json"] = {
        "$schema": DIALECT,
        "title": "reconciler manifest",
        "type": "object",
        "required": ["apiVersion", "kind", "metadata"],
        "properties": {
            "kind": {"description": "What this object is.", "enum": list(KINDS)},
        },
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}}, "then": {"$ref": f"{kind.lower()}.json"}}
            for kind in KINDS
        ],
    }
    return files


def _plain(node: Any, definitions: Schema) -> Any:
    """Without references, generated titles and the null that absent fields would add."""
    if isinstance(node, list):
        return [_plain(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = definitions[node["$ref"].removeprefix("#/$defs/")]
        own = {key: value for key, value in node.items() if key != "$ref"}
        return _plain({**target, **own}, definitions)
    if "patternProperties" in node:
        return _plain(_named_values(node), definitions)
    alternatives = node.get("anyOf")
    if isinstance(alternatives, list):
        real = [one for one in alternatives if one != {"type": "null"}]
        if len(real) == 1:
            own = {key: value for key, value in node.items() if key not in {"anyOf", "default"}}
            return _plain({**real[0], **own}, definitions)
    return {
        key: _properties(value, definitions) if key == "properties" else _plain(value, definitions)
        for key, value in node.items()
        if not (key == "title" or (key == "default" and value in (None, {}, [])))
    }


def _named_values(node: Schema) -> Schema:
    """CRDs know no patterns of property names: the name's shape stands beside, where they may drop it."""
    ((pattern, values),) = node["patternProperties"].items()
    rest = {key: value for key, value in node.items() if key != "patternProperties"}
    return {**rest, "propertyNames": {"pattern": pattern}, "additionalProperties": values}


def _properties(named: Schema, definitions: Schema) -> Schema:
    return {name: _plain(schema, definitions) for name, schema in named.items()}
