"""What `explain` finds by a path, and what it calls the types."""

from __future__ import annotations

import pytest

from reconciler.errors import CommandLineWrong
from reconciler.spec.explanations import every_field, explain
from reconciler.spec.kinds import KINDS


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("modeldeployment.spec.secretEnv.HF_TOKEN.fromFile", "ModelDeployment.spec.secretEnv.fromFile"),
        ("modeldeployment.spec.secretEnv.fromFile", "ModelDeployment.spec.secretEnv.fromFile"),
        ("ArgPolicy.spec.limits.threads.max", "ArgPolicy.spec.limits.max"),
        ("host.spec.memory.reserve.gpu0", "Host.spec.memory.reserve"),
        ("modeldeployment.spec.args.threads", "ModelDeployment.spec.args"),
        ("modeldeployment.metadata.labels.tier", "ModelDeployment.metadata.labels"),
    ],
)
def test_a_path_may_go_through_names_that_the_manifest_chooses(path: str, found: str) -> None:
    assert found == explain(path).path


def test_a_near_miss_of_a_field_behind_such_a_name_is_no_name() -> None:
    with pytest.raises(CommandLineWrong, match="fromFle"):
        explain("modeldeployment.spec.secretEnv.fromFle")


@pytest.mark.parametrize(
    ("path", "type_"),
    [
        ("modeldeployment.spec.context.promptCache", "quantity"),
        ("modeldeployment.spec.lifecycle.idleUnload", "duration, or never"),
        ("modeldeployment.spec.request.timeout", "duration"),
        ("modeldeployment.spec.placement.gpus", "list of GPU"),
        ("modeldeployment.spec.placement.gpuLayers", "number of layers, all or auto"),
        ("host.spec.memory.reserve", "mapping of names to quantity"),
        ("host.spec.gpuNames", "mapping of names to GPU"),
    ],
)
def test_a_type_is_called_what_people_write(path: str, type_: str) -> None:
    assert type_ == explain(path).type


def test_no_type_is_called_by_how_it_is_encoded() -> None:
    assert [] == [one.path for kind in KINDS for one in every_field(kind) if " or text" in one.type]
