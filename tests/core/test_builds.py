from __future__ import annotations

import pytest

from reconciler.core.builds import foreign_buffers
from reconciler.spec.deployments import DeploymentSpec

DEVICES = ("CUDA0", "CUDA1")


def overriding(*overrides: str, gpus: list[str] | None) -> DeploymentSpec:
    placement = {"overrideTensors": overrides} | ({} if gpus is None else {"gpus": tuple(gpus)})
    return DeploymentSpec.model_validate({"model": {"path": "x.gguf"}, "placement": placement})


@pytest.mark.parametrize("override", ["exps=CUDA1", "a=CPU,.*=CUDA1", "a=b=CUDA1,x=CUDA1", "x=cuda1"])
def test_tensors_cannot_go_to_a_gpu_that_is_not_among_those_of_the_deployment(override: str) -> None:
    spec = overriding("a=CPU", override, gpus=["gpu0"])

    found = list(foreign_buffers(spec, seen=DEVICES, chosen=("CUDA0",)))

    assert [("spec", "placement", "overrideTensors", 1)] == [problem.path for problem in found]


@pytest.mark.parametrize("gpus", [["gpu0", "gpu1"], None])
def test_tensors_may_go_to_every_gpu_that_the_deployment_may_use(gpus: list[str] | None) -> None:
    spec = overriding("exps=CUDA1", "a=CPU", gpus=gpus)

    assert [] == list(foreign_buffers(spec, seen=DEVICES, chosen=DEVICES if gpus else ()))
