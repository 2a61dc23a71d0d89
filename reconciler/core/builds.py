"""What a deployment asks for by its fields and one build of the engine does not have."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from reconciler.core.arguments.options import OptionTable
from reconciler.spec.deployments import DeploymentSpec
from reconciler.spec.problems import FieldPath, Problem

#: Without these a process could not be reached.
NEEDED = ("model", "host", "port")

#: A field, the option that it needs, and the value that some builds do not list.
_Wish = tuple[FieldPath, str, object]


def lacking(options: OptionTable) -> tuple[str, ...]:
    """Options that no start can do without, and that this build does not have."""
    return tuple(name for name in NEEDED if options.by_key(name) is None)


def field_problems(spec: DeploymentSpec, options: OptionTable) -> Iterator[Problem]:
    """Fields that this build cannot follow: their option, or their value, is not in its own help."""
    for path, name, value in (*_context(spec), *_placement(spec), *_model(spec)):
        found = options.by_key(name)
        if found is None or found.option.removed:
            yield Problem(
                path, f"this build of the engine has no --{name}", "remove it, or choose another Runtime"
            )
        elif isinstance(value, str) and found.option.choices and value not in found.option.choices:
            hint = f"it knows {', '.join(found.option.choices)}"
            yield Problem(path, f"this build of the engine does not know {value}", hint)


def foreign_buffers(
    spec: DeploymentSpec, *, seen: Collection[str], chosen: Collection[str]
) -> Iterator[Problem]:
    """Overrides onto a GPU outside of `placement.gpus`: the engine follows them whatever --device says."""
    foreign = {name.lower() for name in seen} - {name.lower() for name in chosen}
    for index, override in enumerate(spec.placement.override_tensors):
        buffers = (part.partition("=")[2] for part in override.split(","))
        for buffer in buffers:
            if spec.placement.gpus is not None and buffer.strip().lower() in foreign:
                path = ("spec", "placement", "overrideTensors", index)
                yield Problem(
                    path, f"{buffer} is not among placement.gpus", "add that GPU there, or write CPU"
                )


def _context(spec: DeploymentSpec) -> Iterator[_Wish]:
    context, at = spec.context, ("spec", "context")
    written = context.model_fields_set
    if "size" in written and context.size is not None:
        yield (*at, "size"), "ctx-size", None
    if "parallel" in written:
        yield (*at, "parallel"), "parallel", None
    if "kv_unified" in written and context.kv_unified:
        yield (*at, "kvUnified"), "kv-unified", None
    if "k" in context.kv_type.model_fields_set:
        yield (*at, "kvType", "k"), "cache-type-k", context.kv_type.k
    if "v" in context.kv_type.model_fields_set:
        yield (*at, "kvType", "v"), "cache-type-v", context.kv_type.v
    if "flash_attention" in written:
        yield (*at, "flashAttention"), "flash-attn", None
    if "prompt_cache" in written:
        yield (*at, "promptCache"), "cache-ram", None
    if context.batch is not None:
        yield (*at, "batch"), "batch-size", None
    if context.ubatch is not None:
        yield (*at, "ubatch"), "ubatch-size", None


def _placement(spec: DeploymentSpec) -> Iterator[_Wish]:
    placement, at = spec.placement, ("spec", "placement")
    if placement.gpus is not None:
        yield (*at, "gpus"), "device", None
    if placement.tensor_split is not None:
        yield (*at, "tensorSplit"), "tensor-split", None
    if placement.split_mode is not None:
        yield (*at, "splitMode"), "split-mode", placement.split_mode
    if placement.main_gpu is not None:
        yield (*at, "mainGpu"), "main-gpu", None
    if placement.override_tensors:
        yield (*at, "overrideTensors"), "override-tensor", None


def _model(spec: DeploymentSpec) -> Iterator[_Wish]:
    model, at = spec.model, ("spec", "model")
    if model.mmproj is not None:
        yield (*at, "mmproj"), "mmproj", None
    if model.draft is not None:
        yield (*at, "draft"), "model-draft", None
        if model.draft.max is not None:
            yield (*at, "draft", "max"), "spec-draft-n-max", None
    for index, lora in enumerate(model.loras):
        yield (*at, "loras", index), "lora" if lora.scale == 1.0 else "lora-scaled", None
    if spec.capabilities.embeddings:
        yield ("spec", "capabilities", "embeddings"), "embedding", None
    if spec.capabilities.rerank:
        yield ("spec", "capabilities", "rerank"), "rerank", None
