"""Where a model may run and what it may occupy: `ModelDeployment.spec.placement` and `.context`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator

from reconciler.spec.scalars import GpuLayers, GpuRef, Quantity, is_plain
from reconciler.spec.shapes import Shape, field, section

#: Forks know more types; whether the binary in use does is checked against its own `--help`.
CacheType = Literal["f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "iq4_nl", "q5_0", "q5_1", "q8_KV", "q6_0"]
SplitMode = Literal["none", "layer", "row", "tensor", "graph"]
Share = Annotated[float, Field(ge=0, le=1_000_000)]


def _nothing_or_size(value: object, size_of: ValidatorFunctionWrapHandler) -> int:
    """0 is the one size that may be nothing here, because the cache can be switched off."""
    return 0 if is_plain(value) and str(value) == "0" else int(size_of(value))


CacheSize = Annotated[Quantity, WrapValidator(_nothing_or_size)]


class Memory(Shape):
    vram: Quantity | None = field(
        "inplace",
        "GPU memory to count for one replica, over all its devices. Absent: estimated from the model file, then"
        " corrected by what a load really used.",
        example="7Gi",
    )
    ram: Quantity | None = field(
        "inplace", "Main memory to count for one replica. Absent: estimated, then learned.", example="2Gi"
    )


class KvType(Shape):
    k: CacheType = field(
        "restart",
        "Type of the key cache. Quantised types save memory and cost some quality.",
        default="f16",
        example="q8_0",
        flag="--cache-type-k",
    )
    v: CacheType = field(
        "restart",
        "Type of the value cache. A quantised one needs flash attention.",
        default="f16",
        example="q8_0",
        flag="--cache-type-v",
    )


class Context(Shape):
    size: int | None = field(
        "restart",
        "Context in tokens, shared by all slots when `kvUnified` is true, else divided among them. Absent: the"
        " largest of 32768, 16384, 8192 and 4096 within the trained length that fits the empty machine.",
        example=32768,
        flag="--ctx-size",
        ge=16,
        le=16_777_216,
    )
    parallel: int = field(
        "restart",
        "How many requests one replica decodes at the same time.",
        default=4,
        flag="--parallel",
        ge=1,
        le=256,
    )
    kv_unified: bool = field(
        "restart",
        "One cache that all slots share. False divides the context: each of 4 slots gets a quarter.",
        default=True,
        flag="--kv-unified",
    )
    kv_type: KvType = section("Number types of the KV cache.", KvType, example={"k": "q8_0", "v": "q8_0"})
    flash_attention: Literal["on", "off", "auto"] = field(
        "restart",
        "Flash attention. `auto` lets the engine decide by device.",
        default="auto",
        flag="--flash-attn",
    )
    prompt_cache: CacheSize = field(
        "restart",
        "Main memory that one process may keep prompts in, counted in the RAM ledger; 0 keeps none. The engine's own"
        " default is 8Gi a process.",
        default="1Gi",
        example="1Gi",
        flag="--cache-ram",
    )
    batch: int | None = field(
        "restart",
        "Logical batch in tokens. Absent: the engine's default (2048).",
        example=2048,
        flag="--batch-size",
        ge=1,
        le=1_048_576,
    )
    ubatch: int | None = field(
        "restart",
        "Physical batch in tokens; compute buffers grow with it. Absent: the engine's default (512).",
        example=512,
        flag="--ubatch-size",
        ge=1,
        le=1_048_576,
    )


class FallbackKvType(Shape):
    k: CacheType | None = field("inplace", "Type of the key cache when reduced.", example="q8_0")
    v: CacheType | None = field("inplace", "Type of the value cache when reduced.", example="q8_0")


class FallbackContext(Shape):
    size: int | None = field(
        "inplace", "Context in tokens when reduced.", example=16384, ge=16, le=16_777_216
    )
    parallel: int | None = field("inplace", "Slots when reduced.", example=2, ge=1, le=256)
    kv_type: FallbackKvType | None = section("Cache types when reduced.", example={"k": "q8_0", "v": "q8_0"})


class FallbackPlacement(Shape):
    gpu_layers: GpuLayers | None = field("inplace", "Layers on GPUs when reduced.", example=20)
    override_tensors: tuple[str, ...] | None = field(
        "inplace", "Tensor overrides when reduced.", example=["exps=CPU"]
    )


class Fallback(Shape):
    """One patch over the spec; it changes only what it names."""

    context: FallbackContext | None = section("Changes to `spec.context`.", example={"size": 16384})
    placement: FallbackPlacement | None = section("Changes to `spec.placement`.", example={"gpuLayers": 20})


class Placement(Shape):
    gpus: Annotated[tuple[GpuRef, ...], Field(min_length=1, max_length=64)] | None = field(
        "restart",
        "The GPUs that each replica may use: gpuN in nvidia-smi order, a UUID, or a name from Host.spec.gpuNames."
        " Absent: any.",
        example=["gpu0", "gpu1"],
        flag="--device",
    )
    tensor_split: Annotated[tuple[Share, ...], Field(min_length=1, max_length=64)] | None = field(
        "restart",
        "Share of the model on each of `gpus`, in their order. Absent: the fewest devices that fit, with exact"
        " layer counts.",
        example=[0.55, 0.45],
        flag="--tensor-split",
    )
    split_mode: SplitMode | None = field(
        "restart",
        "How a model is divided among several GPUs. Absent: by layer. `graph` is ik_llama.cpp's.",
        example="layer",
        flag="--split-mode",
    )
    main_gpu: GpuRef | None = field(
        "restart",
        "The GPU for what is not divided: everything with `splitMode: none`, small tensors with `row`.",
        example="gpu0",
        flag="--main-gpu",
    )
    gpu_layers: GpuLayers = field(
        "restart",
        "Layers on GPUs: all, a number, or auto (as many as fit). On a machine without a GPU it counts as 0.",
        default="all",
        flag="--n-gpu-layers",
    )
    override_tensors: tuple[str, ...] = field(
        "restart",
        "Where tensors go whose names match a pattern, as `pattern=buffer`. Needs an explicit `memory`, because no"
        " estimate can follow it.",
        default=(),
        example=["blk\\.(1[0-9])\\.ffn_.*_exps\\.=CPU"],
        flag="--override-tensor",
        max_length=64,
    )
    strategy: Literal["pack", "spread"] = field(
        "inplace",
        "pack fills one GPU before the next; spread takes the emptiest.",
        default="pack",
    )
    memory: Memory = section("Memory to count instead of the estimate.", Memory, example={"vram": "7Gi"})
    fallbacks: tuple[Fallback, ...] = field(
        "inplace",
        "Patches over this spec, tried in order when it does not fit as written. Status then says Reduced.",
        default=(),
        example=[{"context": {"size": 16384}}],
        max_length=16,
    )
