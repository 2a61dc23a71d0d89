"""A policy's limit holds for the structured field as for the option that it becomes."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.arguments.catalog import assumed_table
from reconciler.core.arguments.rules import Limit, PolicyRules
from reconciler.core.field_limits import limit_problems
from reconciler.spec.deployments import DeploymentSpec


def found(spec: dict[str, Any], **limits: Limit) -> list[str]:
    rules = PolicyRules(limits={name.replace("_", "-"): limit for name, limit in limits.items()}, name="team")
    typed = DeploymentSpec.model_validate({"model": {"path": "x.gguf"}, **spec})
    return [".".join(map(str, one.path)) for one in limit_problems(typed, rules, assumed_table())]


@pytest.mark.parametrize(
    ("spec", "limit", "path"),
    [
        ({"context": {"size": 65536}}, {"ctx_size": Limit(maximum=32768)}, "spec.context.size"),
        ({"context": {"size": 65536}}, {"c": Limit(maximum=32768)}, "spec.context.size"),
        ({"context": {"promptCache": "4Gi"}}, {"cache_ram": Limit(maximum=2048)}, "spec.context.promptCache"),
        ({"context": {"ubatch": 4096}}, {"ub": Limit(maximum=1024)}, "spec.context.ubatch"),
        ({"placement": {"gpuLayers": 99}}, {"ngl": Limit(maximum=40)}, "spec.placement.gpuLayers"),
        ({}, {"parallel": Limit(maximum=2)}, "spec.context.parallel"),
    ],
)
def test_a_limit_on_an_option_bounds_its_field(
    spec: dict[str, Any], limit: dict[str, Limit], path: str
) -> None:
    """Under any name of the option, and for defaults too."""
    assert [path] == found(spec, **limit)


def test_within_the_limit_nothing_is_told() -> None:
    """Automatic values are decided within the limits later."""
    assert [] == found({"context": {"size": 32768}}, ctx_size=Limit(maximum=32768), parallel=Limit(maximum=4))
