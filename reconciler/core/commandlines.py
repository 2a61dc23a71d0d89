"""A deployment as the command line of one build: our options, the structured fields, then the accepted settings.

Nothing is left to the engine's environment or its own idea of what fits: sizes, devices and layers are explicit. An
option of ours that a fork lacks is left out, unless a start without it would not be ours to control.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from reconciler.core.arguments.emission import emit, tokens_of
from reconciler.core.arguments.options import Kind, Option, OptionTable
from reconciler.core.arguments.settings import Setting
from reconciler.core.arguments.values import Value
from reconciler.spec.deployments import DeploymentDefaults, DeploymentSpec

MIB = 1 << 20
LOOPBACK = "127.0.0.1"
#: Largest first: what an automatic context may be.
CONTEXT_SIZES = (32768, 16384, 8192, 4096)
#: What older builds take for "all layers".
EVERY_LAYER = "999"
HTTP_THREADS = "threads-http"
LAYERS = frozenset({"gpu-layers", "gpu-layers-draft", "spec-draft-ngl"})

Wanted = Iterator[tuple[str, Value]]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFiles:
    """Absolute paths that the host has confined."""

    model: str
    mmproj: str = ""
    draft: str = ""
    loras: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """What is decided for one process: `devices` are the engine's names for its GPUs, in the order of the split."""

    name: str
    port: int
    context: int
    devices: tuple[str, ...] = ()
    has_gpus: bool = False
    embeddings: bool = False
    rerank: bool = False


def automatic_context(trained: int | None) -> int:
    """The largest usual context within the trained length."""
    longest = trained or CONTEXT_SIZES[-1]
    return next((size for size in CONTEXT_SIZES if size <= longest), longest)


def argv(
    spec: DeploymentSpec, seat: Seat, *, files: EngineFiles, settings: Sequence[Setting], options: OptionTable
) -> tuple[str, ...]:
    """The arguments behind the binary. The same input gives the same tokens."""
    threads = _http_threads(spec, settings)
    settings = [_at_least(setting, threads) for setting in settings]
    set_by_args = {setting.option.name for setting in settings}
    tokens: list[str] = []
    for name, value in (*_ours(spec, seat, files), (HTTP_THREADS, threads)):
        option = options.by_key(name)
        if option is None or option.option.removed or option.option.name in set_by_args:
            continue
        taken = _as_taken(option.option, value, probed=options.probed)
        tokens += tokens_of(option.option, taken) if taken is not None else []
    tokens += emit(settings)
    return tuple(tokens)


def owned_options(spec: DeploymentDefaults, options: OptionTable) -> frozenset[str]:
    """Names of the options that structured fields set, so that `args` may not set them too."""
    written = {
        "ctx-size": "size" in spec.context.model_fields_set,
        "parallel": "parallel" in spec.context.model_fields_set,
        "kv-unified": "kv_unified" in spec.context.model_fields_set,
        "cache-type-k": "k" in spec.context.kv_type.model_fields_set,
        "cache-type-v": "v" in spec.context.kv_type.model_fields_set,
        "flash-attn": "flash_attention" in spec.context.model_fields_set,
        "batch-size": "batch" in spec.context.model_fields_set,
        "ubatch-size": "ubatch" in spec.context.model_fields_set,
        "embedding": "embeddings" in spec.capabilities.model_fields_set,
        "rerank": "rerank" in spec.capabilities.model_fields_set,
    }
    if isinstance(spec, DeploymentSpec):
        written |= {
            "mmproj": spec.model.mmproj is not None,
            "mmproj-offload": spec.model.mmproj is not None,
            "model-draft": spec.model.draft is not None,
            "spec-draft-n-max": spec.model.draft is not None,
            "lora": bool(spec.model.loras),
            "lora-scaled": bool(spec.model.loras),
        }
    found = (options.by_key(name) for name, is_set in written.items() if is_set)
    return frozenset(spelled.option.name for spelled in found if spelled is not None)


def _http_threads(spec: DeploymentSpec, settings: Sequence[Setting]) -> int:
    """Every open connection occupies a thread, idle ones too; probes must always find one free."""
    by_args = next((one.value for one in settings if one.option.name == "parallel"), None)
    parallel = by_args if isinstance(by_args, int) else spec.context.parallel
    return max(32, 2 * parallel + 16)


def _at_least(setting: Setting, threads: int) -> Setting:
    """More threads are the deployment's to choose; fewer would starve our probes."""
    if setting.option.name != HTTP_THREADS or not isinstance(setting.value, int):
        return setting
    return replace(setting, value=max(setting.value, threads))


def _ours(spec: DeploymentSpec, seat: Seat, files: EngineFiles) -> Wanted:
    yield from _identity(seat, files)
    yield from _placement(spec, seat)
    yield from _context(spec, seat)
    yield from _extra_files(spec, seat, files)
    if seat.embeddings:
        yield "embedding", True
    if seat.rerank:
        yield "rerank", True


def _identity(seat: Seat, files: EngineFiles) -> Wanted:
    yield "model", files.model
    yield "alias", seat.name
    yield "host", LOOPBACK
    yield "port", seat.port
    yield "offline", True
    yield "ui", False
    yield "agent", False
    yield "cors-origins", "localhost"
    yield "cors-credentials", False
    yield "metrics", True
    yield "slots", True
    yield "verbosity", 4  # the first level that prints real buffer sizes; the next one prints prompts
    yield "log-colors", "off"


def _placement(spec: DeploymentSpec, seat: Seat) -> Wanted:
    placement = spec.placement
    yield "fit", "off"
    if seat.devices:
        yield "device", ",".join(seat.devices)
    yield "gpu-layers", str(placement.gpu_layers) if seat.has_gpus else "0"
    if placement.split_mode is not None:
        yield "split-mode", placement.split_mode
    if placement.tensor_split is not None:
        yield "tensor-split", placement.tensor_split
    # A refused manifest is prepared too, so that one pass finds all that is wrong with it.
    if placement.main_gpu is not None and placement.main_gpu in (placement.gpus or ()):
        yield "main-gpu", (placement.gpus or ()).index(placement.main_gpu)
    for override in placement.override_tensors:
        yield "override-tensor", override


def _context(spec: DeploymentSpec, seat: Seat) -> Wanted:
    context = spec.context
    yield "ctx-size", seat.context
    yield "parallel", context.parallel
    yield "kv-unified", context.kv_unified
    yield "cache-type-k", context.kv_type.k
    yield "cache-type-v", context.kv_type.v
    yield "flash-attn", context.flash_attention
    yield "cache-ram", context.prompt_cache // MIB
    if context.batch is not None:
        yield "batch-size", context.batch
    if context.ubatch is not None:
        yield "ubatch-size", context.ubatch


def _extra_files(spec: DeploymentSpec, seat: Seat, files: EngineFiles) -> Wanted:
    model = spec.model
    if model.mmproj is not None:
        yield "mmproj", files.mmproj
        yield "mmproj-offload", model.mmproj.offload
    if model.draft is not None:
        yield "model-draft", files.draft
        yield "spec-type", "draft-simple"
        yield "spec-draft-ngl", str(model.draft.gpu_layers) if seat.has_gpus else "0"
        if model.draft.max is not None:
            yield "spec-draft-n-max", model.draft.max
    for lora, path in zip(model.loras, files.loras, strict=True):
        if lora.scale == 1.0:
            yield "lora", (path,)
        else:
            yield "lora-scaled", ((path, lora.scale),)


def _as_taken(option: Option, value: Value, *, probed: bool) -> Value | None:
    """Our words for builds that do not know them; None where this build is better off without."""
    if option.kind is Kind.FLAG and isinstance(value, str):
        return value == "on"
    if option.kind is Kind.SWITCH and value is False:
        return next((word for word in ("off", "none", "0") if word in option.choices), None)
    # Only a binary's own help tells its age: without one it is taken for current.
    if probed and option.name in LAYERS and value in {"all", "auto"} and option.default != "auto":
        return EVERY_LAYER
    if option.name == "spec-type" and value not in option.choices:
        return None
    # Where levels are counted otherwise, ours could print prompts.
    return None if option.name == "verbosity" and "-lv" not in option.positive else value
