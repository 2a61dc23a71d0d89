"""The limits of an ArgPolicy on structured fields: an option is bounded however it is written."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.arguments.options import OptionTable
from reconciler.core.arguments.rules import PolicyRules
from reconciler.spec.deployments import DeploymentSpec
from reconciler.spec.problems import FieldPath, Problem

MIB = 1 << 20


def limit_problems(spec: DeploymentSpec, rules: PolicyRules, options: OptionTable) -> Iterator[Problem]:
    """Fields whose value no manifest may give to their option. Defaults count: the engine gets them too."""
    for path, name, value in _numbers(spec):
        spelled = options.by_key(name)
        keys = spelled.option.keys if spelled else (name,)
        if value is not None and (wrong := rules.limit_wrong(keys, value)):
            yield Problem(path, wrong, f"the policy bounds the engine's --{name}")


def _numbers(spec: DeploymentSpec) -> Iterator[tuple[FieldPath, str, int | None]]:
    context, at = spec.context, ("spec", "context")
    layers, draft = spec.placement.gpu_layers, spec.model.draft
    yield (*at, "size"), "ctx-size", context.size
    yield (*at, "parallel"), "parallel", context.parallel
    yield (*at, "batch"), "batch-size", context.batch
    yield (*at, "ubatch"), "ubatch-size", context.ubatch
    yield (*at, "promptCache"), "cache-ram", context.prompt_cache // MIB
    yield ("spec", "placement", "gpuLayers"), "gpu-layers", layers if isinstance(layers, int) else None
    if draft is not None:
        yield ("spec", "model", "draft", "max"), "spec-draft-n-max", draft.max
