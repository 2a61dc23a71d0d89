"""The envelope that all kinds share, and the table of kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel

from reconciler.spec.clients import ClientSpec
from reconciler.spec.deployments import DeploymentSpec
from reconciler.spec.hosts import HostSpec
from reconciler.spec.problems import FieldPath
from reconciler.spec.runtimes import ArgPolicySpec, RuntimeSpec
from reconciler.spec.scalars import LabelKey, LabelValue, Name
from reconciler.spec.shapes import Shape, field, required, section

API_VERSION = "models.reconciler/v1alpha1"


class Metadata(Shape):
    name: Name = required("restart", "The object's name, unique within its kind.", example="qwen3-30b")
    labels: Mapping[LabelKey, LabelValue] = field(
        "route", "Labels that selectors match.", default={}, example={"tier": "chat"}
    )
    annotations: Mapping[str, str] = field(
        "inplace", "Notes that nothing interprets.", default={}, example={"owner": "alice"}
    )


class UnloadedMetadata(Metadata):
    """Of what is no part of a running process."""

    name: Name = required("inplace", "The object's name, unique within its kind.", example="alice")


class Manifest(Shape):
    api_version: Literal["models.reconciler/v1alpha1"] = required(
        "inplace", "The version of the manifest language.", example=API_VERSION
    )
    metadata: Metadata = section("Name and labels.", needed=True, example={"name": "qwen3-30b"})


class ModelDeployment(Manifest):
    """One model served under a name."""

    kind: Literal["ModelDeployment"] = required("inplace", "The kind.", example="ModelDeployment")
    spec: DeploymentSpec = section(
        "What is served and how.", needed=True, example={"model": {"path": "model.gguf"}}
    )


class Runtime(Manifest):
    """A binary that serves models."""

    kind: Literal["Runtime"] = required("inplace", "The kind.", example="Runtime")
    spec: RuntimeSpec = section("Which binary.", needed=True, example={"kind": "llama-server"})


class ArgPolicy(Manifest):
    """Which engine arguments manifests may set."""

    metadata: UnloadedMetadata = section("Name and labels.", needed=True, example={"name": "homelab"})
    kind: Literal["ArgPolicy"] = required("inplace", "The kind.", example="ArgPolicy")
    spec: ArgPolicySpec = section("What may be set.", ArgPolicySpec, example={"deny": ["threads"]})


class Host(Manifest):
    """This machine; its name is the owner of all processes."""

    kind: Literal["Host"] = required("inplace", "The kind.", example="Host")
    spec: HostSpec = section(
        "How the machine is used.", HostSpec, example={"paths": {"models": "/srv/models"}}
    )


class Client(Manifest):
    """A client of the API."""

    metadata: UnloadedMetadata = section("Name and labels.", needed=True, example={"name": "alice"})
    kind: Literal["Client"] = required("inplace", "The kind.", example="Client")
    spec: ClientSpec = section(
        "Keys and rights.", needed=True, example={"keys": [{"hash": "sha256:" + "0" * 64}]}
    )


AnyManifest = ModelDeployment | Runtime | ArgPolicy | Host | Client
KINDS: Mapping[str, type[AnyManifest]] = {
    "ModelDeployment": ModelDeployment,
    "Runtime": Runtime,
    "ArgPolicy": ArgPolicy,
    "Host": Host,
    "Client": Client,
}


def fields_at(path: FieldPath, kind: type[BaseModel]) -> Mapping[str, Any]:
    """The keys that a mapping may have at `path` inside a kind; empty where keys are free."""
    shape: Any = kind
    for step in path:
        shape = _within(shape, step)
    found = _part(shape, lambda one: isinstance(one, type) and issubclass(one, BaseModel))
    return {} if found is None else {info.alias or name: info for name, info in found.model_fields.items()}


def _within(annotation: Any, step: str | int) -> Any:
    """What may stand at a key or an index of something that is annotated so."""
    if isinstance(step, int):
        sequence = _part(annotation, lambda one: get_origin(one) is tuple)
        return get_args(sequence)[0] if sequence else None
    shape = _part(annotation, lambda one: isinstance(one, type) and issubclass(one, BaseModel))
    if shape is not None:
        fields = {info.alias or name: info for name, info in shape.model_fields.items()}
        return fields[step].annotation if step in fields else None
    free = _part(annotation, lambda one: get_origin(one) is Mapping)
    return get_args(free)[1] if free else None


def _part(annotation: Any, fits: Callable[[Any], bool]) -> Any:
    """The part of a union or of an annotated type that fits."""
    if fits(annotation):
        return annotation
    if get_origin(annotation) in {tuple, Mapping}:
        return None
    return next((part for one in get_args(annotation) if (part := _part(one, fits)) is not None), None)
