"""Layers: a Host's defaults under deployments, variables of older tools over a Host."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.spec.deployments import DeploymentSpec
from reconciler.spec.layers import host_settings, over
from reconciler.spec.trees import Tree, join, read_file

DEPLOYMENT = """
apiVersion: models.reconciler/v1alpha1
kind: ModelDeployment
metadata: {name: tiny}
spec:
"""
HOST = """\
apiVersion: models.reconciler/v1alpha1
kind: Host
metadata: {name: box}
spec:
"""


def tree(*texts: str) -> Tree:
    read = join([read_file(f"{index}.yaml", text.encode()) for index, text in enumerate(texts)])
    assert read.is_valid, read.diagnostics
    return read


def layered(deployment: str, defaults: str) -> DeploymentSpec:
    read = tree(DEPLOYMENT + deployment, HOST + defaults)
    assert read.host is not None
    return over(read.deployments[0].manifest.spec, read.host.manifest.spec.defaults)


def test_b2_3_maps_merge_and_lists_replace() -> None:
    """B2.3: a list in a deployment replaces the Host's, a map is laid over it key by key."""
    spec = layered(
        "  model: {path: x.gguf}\n  extraArgs: [--top-k, '20']\n  args: {temp: 0.5}\n",
        "  defaults: {extraArgs: [--min-p, '0.1'], args: {temp: 1.0, seed: 7}}\n",
    )

    assert ("--top-k", "20") == spec.extra_args
    assert {"seed": 7, "temp": 0.5} == dict(spec.args)


def test_a_default_fills_only_what_the_deployment_leaves_open() -> None:
    """The deployment's own value wins, even where it equals the built-in default."""
    spec = layered(
        "  model: {path: x.gguf}\n  context: {parallel: 4}\n",
        "  defaults: {context: {parallel: 1, size: 8192}, lifecycle: {idleUnload: 30m}}\n",
    )

    assert 4 == spec.context.parallel
    assert 8192 == spec.context.size
    assert timedelta(minutes=30) == spec.lifecycle.idle_unload
    assert 50 == spec.lifecycle.priority


def test_every_value_of_a_host_knows_its_source() -> None:
    """Where a value is from: the manifest's line, or the built-in default."""
    settings = host_settings(tree(HOST + "  ports: {range: 21000-21010}\n").host, {})

    assert "0.yaml:5" == settings.sources["spec.ports.range"]
    assert "default" == settings.sources["spec.ports.probeMax"]


def test_a_tree_without_a_host_gets_the_built_in_one() -> None:
    """Owner `default`, loopback, port 11434."""
    settings = host_settings(None, {})

    assert "default" == settings.name
    assert ("127.0.0.1:11434",) == settings.spec.listen
    assert {"default"} == set(settings.sources.values())


def test_s0_14_variables_of_older_tools_count_and_are_shown() -> None:
    """0.14: the LOCAL_LLM_ variables win over the manifest and are named as the source."""
    settings = host_settings(
        tree(HOST + "  paths: {allowed: [/old]}\n").host,
        {
            "LOCAL_LLM_PORT_AUTOSELECT": "false",
            "LOCAL_LLM_PORT_PROBE_MAX": "10",
            "LOCAL_LLM_ALLOWED_PATHS": "/srv/a, /srv/b",
        },
    )

    assert settings.spec.ports.auto_select is False
    assert 10 == settings.spec.ports.probe_max
    assert ("/srv/a", "/srv/b") == settings.spec.paths.allowed
    assert "env LOCAL_LLM_ALLOWED_PATHS" == settings.sources["spec.paths.allowed"]
    assert () == settings.problems


def test_s0_14_secrets_on_the_command_line_stay_impossible() -> None:
    """0.14: LOCAL_LLM_ALLOW_CLI_SECRETS is recognised and answered, not obeyed."""
    (problem,) = host_settings(None, {"LOCAL_LLM_ALLOW_CLI_SECRETS": "1"}).problems

    assert "never go on a command line" in problem.message


@pytest.mark.parametrize(
    ("name", "value"), [("LOCAL_LLM_PORT_AUTOSELECT", "maybe"), ("LOCAL_LLM_PORT_PROBE_MAX", "-1")]
)
def test_a_variable_that_cannot_be_read_is_a_problem(name: str, value: str) -> None:
    """It is named with its value; the manifest's setting stays."""
    settings = host_settings(None, {name: value})

    assert name in settings.problems[0].message
    assert settings.spec.ports.auto_select is True
