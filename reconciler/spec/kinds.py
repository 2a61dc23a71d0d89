"""The envelope that all kinds share, and the table of kinds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel

from reconciler.spec.clients import ClientSpec
from reconciler.spec.deployments import DeploymentSpec
from reconciler.spec.hosts import HostSpec
from reconciler.spec.runtimes import ArgPolicySpec, RuntimeSpec
from reconciler.spec.scalars import Name
from reconciler.spec.shapes import Shape, field, required, section

API_VERSION = "models.reconciler/v1alpha1"


class Metadata(Shape):
    name: Name = required("restart", "The object's name, unique within its kind.", example="qwen3-30b")
    labels: Mapping[str, str] = field(
        "route", "Labels that selectors match.", default={}, example={"tier": "chat"}
    )
    annotations: Mapping[str, str] = field(
        "inplace", "Notes that nothing interprets.", default={}, example={"owner": "alice"}
    )


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


def fields_at(path: tuple[str | int, ...], kind: type[BaseModel]) -> Mapping[str, Any]:
    """The keys that a mapping may have at `path` inside a kind; empty where keys are free."""
    shape: type[BaseModel] | None = kind
    for step in path:
        if shape is None:
            return {}
        if isinstance(step, int):
            continue
        shape = _shape_of(shape, step)
    return {} if shape is None else {f.alias or name: f for name, f in shape.model_fields.items()}


def _shape_of(shape: type[BaseModel], key: str) -> type[BaseModel] | None:
    for name, info in shape.model_fields.items():
        if key == (info.alias or name):
            return _first_shape(info.annotation)
    return None


def _first_shape(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (found := _first_shape(argument)) is not None:
            return found
    return None
