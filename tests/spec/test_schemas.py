"""JSON Schemas: fresh, accepted by validators, agreeing with the parser, convertible to CRDs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from referencing import Registry, Resource

from reconciler.spec.kinds import KINDS
from reconciler.spec.schemas import all_schemas, schema_of
from reconciler.spec.trees import join, read_file

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(
    path
    for folder in ("examples", "manifests", "tests/spec/good")
    for path in (ROOT / folder).rglob("*.yaml")
)
#: `examples/` itself holds files that stand alone; the command line validates each.
FOLDERS = sorted({path.parent for path in EXAMPLES} - {ROOT / "examples"})


def validator() -> jsonschema.Draft202012Validator:
    schemas = all_schemas()
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    return jsonschema.Draft202012Validator(schemas["manifest.json"], registry=registry)


def documents(path: Path) -> Iterator[Any]:
    return (one for one in yaml.safe_load_all(path.read_text()) if one is not None)


@pytest.mark.parametrize("name", sorted(all_schemas()))
def test_the_committed_schema_is_fresh(name: str) -> None:
    """`just schemas` writes it; editors read the committed file."""
    committed = json.loads((ROOT / "schemas" / name).read_text())

    assert all_schemas()[name] == committed


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_valid_json_schema(kind: str) -> None:
    """Draft 2020-12."""
    jsonschema.Draft202012Validator.check_schema(schema_of(kind))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_example_passes_its_schema(path: Path) -> None:
    """What the parser takes, an editor must not underline."""
    found = [error.message for document in documents(path) for error in validator().iter_errors(document)]

    assert [] == found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_every_example_tree_is_valid(folder: Path) -> None:
    """Files that lie together refer to each other."""
    read = join([read_file(str(path), path.read_bytes()) for path in EXAMPLES if path.parent == folder])

    assert [] == [str(one) for one in read.diagnostics if one.is_error]


@pytest.mark.parametrize(
    "spec",
    [
        {"modle": {"path": "x"}},
        {"model": {"path": "x"}, "replicas": "8"},
        {"model": {"path": "x"}, "state": "always"},
        {"model": {"path": "x"}, "context": {"size": 8.5}},
        {"model": {"path": "x"}, "lifecycle": {"idleUnload": "15 minutes"}},
        {"model": {"path": "x"}, "placement": {"gpus": "gpu0"}},
        {"model": {"path": "x"}, "context": None},
    ],
    ids=str,
)
def test_an_editor_underlines_what_the_parser_refuses(spec: dict[str, Any]) -> None:
    """The schema is strict where the parser is."""
    document = {
        "apiVersion": "models.reconciler/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "x"},
        "spec": spec,
    }

    assert not validator().is_valid(document)
    assert not join([read_file("x.yaml", json.dumps(document).encode())]).is_valid


def structural(node: dict[str, Any]) -> dict[str, Any]:
    """A schema as Kubernetes takes it in a CustomResourceDefinition; raises where it could not."""
    out: dict[str, Any] = {}
    for key, value in node.items():
        if key in {"$schema", "title", "examples", "propertyNames"} or key.startswith("x-reconciler-"):
            continue
        if key == "const":
            out["enum"], out["type"] = [value], "string"
        elif key == "properties":
            out[key] = {name: structural(child) for name, child in value.items()}
        elif key in {"items", "additionalProperties"} and isinstance(value, dict):
            out[key] = structural(value) if value else {"x-kubernetes-preserve-unknown-fields": True}
        elif key == "additionalProperties":
            assert value is False  # Kubernetes prunes unknown fields by itself
        else:
            out[key] = value
    if out.get("x-kubernetes-int-or-string"):
        # The union has no type there, and bounds of one of its halves cannot be said.
        out = {"x-kubernetes-int-or-string": True, "description": out.get("description", "")}
    elif "type" not in out:
        assert out.get("x-kubernetes-preserve-unknown-fields") is True, node
    assert not {"anyOf", "oneOf", "allOf", "$ref", "not", "patternProperties"} & out.keys(), node
    assert isinstance(out.get("type", ""), str), node
    assert not ("properties" in out and "additionalProperties" in out), node
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_converts_to_a_structural_crd_schema(kind: str) -> None:
    """One type per field, no references, no unions but int-or-string."""
    spec = structural(schema_of(kind)["properties"]["spec"])

    assert "object" == spec["type"]
    assert set(schema_of(kind)["properties"]["spec"]["properties"]) == set(spec["properties"])
