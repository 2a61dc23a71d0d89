"""What holds for every field of every kind, whoever adds one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from reconciler.spec.deployments import DeploymentDefaults, DeploymentSpec
from reconciler.spec.hosts import HostSpec
from reconciler.spec.kinds import KINDS
from reconciler.spec.nodes import walk
from reconciler.spec.scalars import MIB, format_quantity
from reconciler.spec.shapes import CHANGES, Shape
from reconciler.spec.times import format_duration
from reconciler.spec.trees import Tree, join, read_file

GOOD = sorted((Path(__file__).parent / "good").glob("*.yaml"))


def shapes_in(annotation: Any) -> Iterator[type[Shape]]:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        yield annotation
    for argument in get_args(annotation):
        yield from shapes_in(argument)


def fields_below(shape: type[Shape], path: str) -> Iterator[tuple[str, type[Shape], str, FieldInfo]]:
    for name, info in shape.model_fields.items():
        here = f"{path}.{info.alias or name}"
        yield here, shape, name, info
        for inner in shapes_in(info.annotation):
            yield from fields_below(inner, here)


FIELDS = {
    path: (shape, name, info)
    for kind, top in KINDS.items()
    for path, shape, name, info in fields_below(top, kind)
}


def extra_of(info: FieldInfo) -> dict[str, Any]:
    return dict(info.json_schema_extra) if isinstance(info.json_schema_extra, dict) else {}


def tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: tuples(one) for key, one in value.items()}
    return tuple(tuples(one) for one in value) if isinstance(value, list) else value


def good() -> Tree:
    return join(read_file(path.name, path.read_bytes()) for path in GOOD)


def read(kind: str, spec: str) -> Tree:
    head = f"apiVersion: models.reconciler/v1alpha1\nkind: {kind}\nmetadata: {{name: a}}\n"
    return join([read_file("a.yaml", f"{head}spec: {spec}\n".encode())])


def test_every_field_says_in_a_sentence_what_it_is() -> None:
    silent = [
        path
        for path, (_, _, info) in FIELDS.items()
        if not re.fullmatch(r"(?s)\S.*[^\s.]\.", info.description or "")
    ]

    assert silent == []


def test_every_leaf_says_what_changing_it_does_and_a_section_leaves_that_to_its_fields() -> None:
    changes = {path: extra_of(info).get("x-reconciler-change") for path, (_, _, info) in FIELDS.items()}
    is_section = {
        path: next(shapes_in(info.annotation), None) is not None for path, (_, _, info) in FIELDS.items()
    }

    assert [path for path, change in changes.items() if change not in {None, *CHANGES}] == []
    assert [path for path, change in changes.items() if change is None and not is_section[path]] == []


def test_every_field_shows_a_default_or_an_example_and_its_examples_are_valid() -> None:
    wrong = {
        path: _errors(shape, info.alias or name, tuples(example))
        for path, (shape, name, info) in FIELDS.items()
        for example in extra_of(info).get("examples", [])
    }
    bare = [
        path
        for path, (_, _, info) in FIELDS.items()
        if not extra_of(info).get("examples") and info.default is None
    ]

    assert {path: found for path, found in wrong.items() if found} == {}
    assert bare == []


def _errors(shape: type[Shape], key: str, value: object) -> list[Any]:
    try:
        shape.model_validate({key: value})
    except ValidationError as error:
        return [one for one in error.errors() if one["loc"][0] == key]
    return []


def test_a_default_is_inside_the_bounds_of_its_own_field() -> None:
    wrong = {}
    for path, (shape, name, info) in FIELDS.items():
        default = None if info.is_required() else info.get_default(call_default_factory=True)
        if default is None or isinstance(default, Shape):
            continue
        wrong[path] = _errors(shape, info.alias or name, _written(default))

    assert len(wrong) > 50
    assert {path: found for path, found in wrong.items() if found} == {}


def _written(default: object) -> object:
    """A default as a manifest would spell it."""
    if isinstance(default, timedelta):
        return format_duration(default)
    return format_quantity(default) if isinstance(default, int) and default >= MIB else default


def test_no_field_is_one_thing_or_a_collection() -> None:
    """A CRD cannot say that. Engine arguments are free values of the engine, which a CRD keeps as they come."""
    mixed = {
        path
        for path, (_, _, info) in FIELDS.items()
        for union in _unions(info.annotation)
        if len(union) > 1 and any(map(_is_collection, union))
    }

    assert {path.rpartition(".")[2] for path in mixed} == {"args"}


def _unions(annotation: Any) -> Iterator[tuple[Any, ...]]:
    if get_origin(annotation) in {Union, UnionType}:
        yield tuple(_bare(one) for one in get_args(annotation) if one is not type(None))
    for argument in get_args(annotation):
        yield from _unions(argument)


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _is_collection(annotation: Any) -> bool:
    return get_origin(annotation) in {tuple, Mapping} or next(shapes_in(annotation), None) is not None


def test_collections_are_read_only() -> None:
    changeable = [
        path for path, (_, _, info) in FIELDS.items() if {list, dict, set} & set(_origins(info.annotation))
    ]

    assert changeable == []


def _origins(annotation: Any) -> Iterator[Any]:
    yield get_origin(annotation) or annotation
    for argument in get_args(annotation):
        yield from _origins(argument)


def test_an_object_never_changes_after_parsing() -> None:
    (host,) = [one.manifest for one in good().objects if isinstance(one.manifest.spec, HostSpec)]

    with pytest.raises(ValidationError, match="frozen"):
        host.spec.runtime = "other"  # type: ignore[misc]


def test_the_good_manifests_have_nothing_wrong() -> None:
    assert [str(one) for one in good().diagnostics] == []


def test_every_field_of_every_kind_is_used_in_the_good_manifests() -> None:
    used = set()
    for declared in good().objects:
        for path, _ in walk(declared.document.root):
            steps = [step for step in path if isinstance(step, str)]
            used |= {".".join((declared.manifest.kind, *steps[:end])) for end in range(1, len(steps) + 1)}
    unused = [
        path
        for path in FIELDS
        if _in_maps_too(path) not in used and not path.startswith("Host.spec.defaults.")
    ]

    assert unused == []


def _in_maps_too(path: str) -> str:
    """Paths through maps of free keys, as the good manifests have them."""
    return (
        path.replace("secretEnv.fromFile", "secretEnv.HF_TOKEN.fromFile")
        .replace("secretEnv.fromEnv", "secretEnv.OTHER.fromEnv")
        .replace("limits.min", "limits.threads.min" if "ArgPolicy" in path else "limits.min")
        .replace("limits.max", "limits.threads.max" if "ArgPolicy" in path else "limits.max")
    )


def test_a_host_lays_everything_under_its_deployments_but_what_names_one_of_them() -> None:
    beyond = set(DeploymentSpec.model_fields) - set(DeploymentDefaults.model_fields)

    assert {"model", "aliases", "variants", "port"} == beyond
    assert HostSpec.model_fields["defaults"].annotation is DeploymentDefaults


def test_b0_8_nothing_is_silently_turned_into_a_number() -> None:
    for value in (True, 8.9, "8", "0x10", None):
        spec = f"{{model: {{path: a.gguf}}, context: {{parallel: {json.dumps(value)}}}}}"
        tree = read("ModelDeployment", spec)

        assert [one.path for one in tree.diagnostics] == ["spec.context.parallel"]
        assert not tree.is_valid


def test_b2_2_an_unknown_key_is_an_error_and_nothing_is_replaced_by_defaults() -> None:
    tree = read("Host", "{onStop: leave, colour: red}")

    assert [str(one).split(" (")[0] for one in tree.diagnostics] == [
        "a.yaml:4:23: spec.colour: unknown key 'colour'"
    ]
    assert tree.host is None
    assert not tree.is_valid


def test_every_kind_is_an_envelope_with_a_spec() -> None:
    for kind, shape in KINDS.items():
        assert {"api_version", "kind", "metadata", "spec"} == set(shape.model_fields), kind
        assert issubclass(shape, BaseModel)
        assert isinstance(shape.model_fields, Mapping)
