from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import reconciler

HOST = """\
apiVersion: models.reconciler/v1alpha1
kind: Host
metadata: {name: box}
spec:
  paths: {allowed: [/srv/templates]}
  memory:
    reserve: {gpu0: 1536Mi}
  defaults: {lifecycle: {idleUnload: 2h}}
  tls: {certFile: a.crt, keyFile: a.key}
"""


@pytest.fixture
def host(tmp_path: Path) -> Path:
    (tmp_path / "host.yaml").write_text(HOST)
    return tmp_path / "host.yaml"


def test_every_value_names_the_line_that_it_is_from(host: Path) -> None:
    ran = reconciler("get", "host", "-f", host, "--sources")

    lines = [" ".join(line.split()) for line in ran.stdout.splitlines()]
    assert 0 == ran.code
    assert f"allowed: # {host}:5" in lines
    assert f"reserve: # {host}:7" in lines
    assert f"idleUnload: 2h # {host}:8" in lines
    assert f"certFile: a.crt # {host}:9" in lines
    assert "runtime: llama-server # default" in lines
    assert "gpu0: 1536Mi" in lines


def test_s0_14_environment_variables_count_and_are_shown_as_sources(host: Path) -> None:
    env = {
        "LOCAL_LLM_PORT_AUTOSELECT": "false",
        "LOCAL_LLM_PORT_PROBE_MAX": "7",
        "LOCAL_LLM_ALLOWED_PATHS": "/a,/b",
    }
    ran = reconciler("get", "host", "-f", host, "-o", "json", "--sources", env=env)

    spec, sources = ran.json["spec"], ran.json["sources"]
    assert {"range": "20000-20999", "autoSelect": False, "probeMax": 7} == spec["ports"]
    assert ["/a", "/b"] == spec["paths"]["allowed"]
    assert "env LOCAL_LLM_PORT_AUTOSELECT" == sources["spec.ports.autoSelect"]
    assert "env LOCAL_LLM_PORT_PROBE_MAX" == sources["spec.ports.probeMax"]
    assert "env LOCAL_LLM_ALLOWED_PATHS" == sources["spec.paths.allowed"]
    assert "default" == sources["spec.ports.range"]


def test_a_variable_that_makes_no_sense_is_an_error() -> None:
    ran = reconciler("get", "host", env={"LOCAL_LLM_PORT_AUTOSELECT": "perhaps"})

    assert 3 == ran.code
    assert "LOCAL_LLM_PORT_AUTOSELECT='perhaps'" in ran.stderr


@pytest.mark.parametrize("words", [(), ("--sources",), ("-o", "json")])
def test_the_output_is_a_valid_manifest_itself(host: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    effective = tmp_path / "effective.yaml"
    effective.write_text(reconciler("get", "host", "-f", host, *words).stdout)

    assert 0 == reconciler("validate", effective, "--strict").code
    first, again = (reconciler("get", "host", "-f", one, "-o", "json").json for one in (host, effective))
    assert first == again


def test_without_manifests_it_shows_the_defaults() -> None:
    ran = reconciler("get", "host", "-o", "json")

    assert "default" == ran.json["metadata"]["name"]
    assert ["127.0.0.1:11434"] == ran.json["spec"]["listen"]
    assert "sources" not in ran.json


def test_the_name_alone() -> None:
    assert "default\n" == reconciler("get", "host", "-o", "name").stdout


def test_invalid_manifests_are_refused_with_the_first_problem(tmp_path: Path) -> None:
    (tmp_path / "host.yaml").write_text(HOST.replace("memory", "memry").replace("defaults", "defalts"))

    ran = reconciler("get", "host", "-f", tmp_path)

    assert 3 == ran.code
    assert "host.yaml:6:3: spec.memry: unknown key 'memry' (did you mean memory?), and 1 more" in ran.stderr
