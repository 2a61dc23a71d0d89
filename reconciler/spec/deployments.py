"""The kind ModelDeployment: one model served under a name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from reconciler.spec.lifecycles import Lifecycle, Probes, Rollout, Schedules, State
from reconciler.spec.placements import Context, Placement
from reconciler.spec.requests import Request, Variant
from reconciler.spec.scalars import Alias, EnvName, FilePath, GpuLayers, Name, wrong
from reconciler.spec.shapes import Shape, field, required, section

ArgScalar = str | int | float | bool | None


def _parse_arg(value: object) -> ArgScalar | tuple[ArgScalar, ...]:
    """The shape only; whether the engine knows the option and takes this type is the argument policy's."""
    if isinstance(value, tuple):
        if all(isinstance(item, str | int | float | bool) for item in value):
            return value
        raise wrong("must be a list of plain values", "nested lists and mappings are no engine arguments")
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise wrong("must be a plain value or a list of them", "a mapping is no engine argument")


ArgValue = Annotated[
    ArgScalar | tuple[ArgScalar, ...],
    PlainValidator(_parse_arg),
    WithJsonSchema({"x-kubernetes-preserve-unknown-fields": True}),
]


def _parse_arg_name(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 128:
        raise wrong("must name an engine option", "such as reasoning-format")
    if value.startswith("-"):
        raise wrong(f"{value!r} is written with dashes", f"write {value.lstrip('-') or 'its name'}")
    return value


ArgName = Annotated[str, PlainValidator(_parse_arg_name), WithJsonSchema({"type": "string"})]


class ProjectorFile(Shape):
    path: FilePath = required(
        "restart", "Projector file, under the models directory.", example="mmproj.gguf", flag="--mmproj"
    )
    offload: bool = field("restart", "Keep the projector on the GPU.", default=True, flag="--mmproj-offload")


class DraftModel(Shape):
    path: FilePath = required(
        "restart", "Draft model, under the models directory.", example="draft.gguf", flag="--model-draft"
    )
    gpu_layers: GpuLayers = field(
        "restart", "Layers of the draft model on the GPU.", default="all", flag="--gpu-layers-draft"
    )
    max: int | None = field(
        "restart",
        "Most tokens drafted at once. Absent: the engine's default.",
        example=16,
        flag="--spec-draft-n-max",
        ge=1,
        le=256,
    )


class Lora(Shape):
    path: FilePath = required(
        "restart", "Adapter file, under the models directory.", example="style.gguf", flag="--lora"
    )
    scale: float = field(
        "restart", "Strength of the adapter.", default=1.0, flag="--lora-scaled", ge=-100, le=100
    )


class Model(Shape):
    path: FilePath = required(
        "restart",
        "The model file, relative to Host.spec.paths.models. The first file of a split model stands for all.",
        example="qwen3-30b-a3b-q4_k_m.gguf",
        flag="--model",
    )
    mmproj: ProjectorFile | None = section("Projector for images and audio.", example={"path": "mmproj.gguf"})
    draft: DraftModel | None = section(
        "Smaller model for speculative decoding.", example={"path": "draft.gguf"}
    )
    loras: Annotated[tuple[Lora, ...], Field(max_length=32)] = field(
        "restart", "Adapters laid over the model.", default=(), example=[{"path": "style.gguf", "scale": 0.8}]
    )


class Capabilities(Shape):
    tools: bool | None = field(
        "route", "Answers tool calls. Absent: read from the chat template.", example=True
    )
    vision: bool | None = field("route", "Takes images. Absent: true with a projector.", example=True)
    embeddings: bool | None = field(
        "restart", "Serves embeddings. Absent: read from the model.", example=True, flag="--embeddings"
    )
    rerank: bool | None = field(
        "restart", "Ranks documents. Absent: read from the model.", example=True, flag="--rerank"
    )
    tool_parser: Literal["auto", "native", "xml", "off"] = field(
        "route",
        "How tool calls are found in the answer: by the engine, or in text that the model writes.",
        default="auto",
    )


class SecretSource(Shape):
    """Where a secret comes from. The manifest never holds it."""

    from_file: FilePath | None = field("restart", "A file whose first line is the secret.", example="/etc/hf")
    from_env: EnvName | None = field(
        "restart", "A variable of the controller's environment.", example="HF_TOKEN"
    )


class DeploymentDefaults(Shape):
    """Everything that a Host may lay under all deployments."""

    runtime: Name | None = field(
        "restart", "The Runtime that serves it. Absent: Host.spec.runtime.", example="llama-server"
    )
    state: State = field(
        "inplace",
        "running keeps it loaded, onDemand loads it for requests, stopped keeps it unloaded.",
        default="onDemand",
    )
    suspend: bool = field("inplace", "Leave the deployment exactly as it is.", default=False)
    replicas: int = field("inplace", "How many processes serve it.", default=1, ge=0, le=64)
    placement: Placement = section("Devices and layers.", Placement, example={"gpus": ["gpu0"]})
    context: Context = section("Context, slots and caches.", Context, example={"size": 32768})
    args: Mapping[ArgName, ArgValue] = field(
        "restart",
        "Engine options by name without dashes, checked against the binary's own --help and the ArgPolicy.",
        default={},
        example={"reasoning-format": "auto"},
    )
    extra_args: Annotated[tuple[str, ...], Field(max_length=256)] = field(
        "restart",
        "Engine options as command line tokens; each passes the same policy.",
        default=(),
        example=["--top-k", "20"],
    )
    env: Mapping[EnvName, str] = field(
        "restart", "Environment of the process.", default={}, example={"OMP_NUM_THREADS": "4"}
    )
    secret_env: Mapping[EnvName, SecretSource] = field(
        "restart",
        "Environment of the process from secrets; a value never appears in output.",
        default={},
        example={"HF_TOKEN": {"fromFile": "/etc/hf"}},
    )
    capabilities: Capabilities = section("What it can do.", Capabilities, example={"toolParser": "xml"})
    lifecycle: Lifecycle = section("Loading and unloading.", Lifecycle, example={"idleUnload": "15m"})
    rollout: Rollout = section("How a change is carried out.", Rollout, example={"strategy": "surge"})
    probes: Probes = section("Health checks.", Probes, example={"liveness": {"stall": "10m"}})
    schedules: Schedules = field(
        "inplace",
        "Windows of time that replace parts of the spec; the last listed open one wins.",
        default=(),
        example=[{"name": "office", "days": "Mon-Fri", "from": "08:00", "to": "19:00", "state": "running"}],
    )
    request: Request = section("Requests on their way.", Request, example={"defaults": {"temperature": 0.7}})


class DeploymentSpec(DeploymentDefaults):
    model: Model = section("What is served.", example={"path": "model.gguf"}, needed=True)
    aliases: Annotated[tuple[Alias, ...], Field(max_length=256)] = field(
        "route",
        "More names that clients may use, compared without case.",
        default=(),
        example=["gpt-4o-mini"],
    )
    variants: Annotated[tuple[Variant, ...], Field(max_length=64)] = field(
        "route",
        "More names that change the request on its way.",
        default=(),
        example=[{"name": "qwen3:30b-nothink"}],
    )
    port: int | None = field(
        "restart",
        "A fixed port on loopback. Absent: from Host.spec.ports.range, kept over restarts. Excludes several"
        " replicas and surge.",
        example=8081,
        flag="--port",
        ge=1024,
        le=65535,
    )
