from __future__ import annotations

from pathlib import Path

import yaml

from tests.cli.running import ROOT, reconciler

RUNTIME = """\
apiVersion: models.reconciler/v1alpha1
kind: Runtime
metadata: {name: %s}
spec: {kind: llama-server, path: %s%s}
---
"""


def _runtime(name: str, path: Path | str, more: str = "") -> str:
    return RUNTIME % (name, path, more)


def test_the_built_in_runtimes_are_always_listed() -> None:
    ran = reconciler("get", "runtimes", env={"PATH": "/usr/bin:/bin"})

    lines = ran.stdout.splitlines()
    assert 0 == ran.code
    assert ["NAME", "KIND", "STATUS", "REASON", "VERSION", "DEVICES", "PATH"] == lines[0].split()
    assert ["embedded", "llama-server", "llamafile"] == [line.split()[0] for line in lines[1:]]


def test_the_real_llama_server_is_described(llama_server: Path, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(_runtime("mine", llama_server))

    ran = reconciler("get", "runtimes", "-f", tmp_path, "-o", "json")

    found = next(one for one in ran.json["runtimes"] if one["name"] == "mine")
    assert ("Usable", None, "spec", str(llama_server)) == (
        found["status"],
        found["reason"],
        found["source"],
        found["path"],
    )
    assert [] == found["devices"]
    assert found["version"]
    assert 64 == len(found["sha256"])


def test_s0_2_a_missing_binary_is_named_and_the_others_are_unaffected(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(_runtime("gone", "/opt/none/llama-server"))

    ran = reconciler("get", "runtimes", "-f", tmp_path, "-o", "json")

    found = {one["name"]: one for one in ran.json["runtimes"]}
    assert 0 == ran.code
    assert ("Unusable", "RuntimeMissing") == (found["gone"]["status"], found["gone"]["reason"])
    assert "/opt/none/llama-server" in found["gone"]["message"]
    assert "Usable" == found["embedded"]["status"]


def test_s0_3_another_checksum_than_the_pinned_one_is_unusable(llama_server: Path, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(_runtime("pinned", llama_server, f", sha256: '{'0' * 64}'"))

    ran = reconciler("get", "runtimes", "-f", tmp_path)

    line = next(line for line in ran.stdout.splitlines() if line.startswith("pinned"))
    assert ["pinned", "llama-server", "Unusable", "ChecksumMismatch"] == line.split()[:4]


def test_binaries_that_cannot_run_have_a_reason_and_no_traceback(tmp_path: Path) -> None:
    text, script = tmp_path / "text", tmp_path / "script"
    text.write_text("no program")
    script.write_text("#!/bin/sh\necho broken >&2; exit 3\n")
    script.chmod(0o755)
    (tmp_path / "r.yaml").write_text(
        _runtime("text", text) + _runtime("script", script) + _runtime("folder", tmp_path)
    )

    ran = reconciler("get", "runtimes", "-f", tmp_path, "-o", "json")

    reasons = {one["name"]: one["reason"] for one in ran.json["runtimes"]}
    assert 0 == ran.code
    assert ("RuntimeNotExecutable", "RuntimeProbeFailed", "RuntimeNotExecutable") == (
        reasons["text"],
        reasons["script"],
        reasons["folder"],
    )


def test_wide_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(_runtime("gone", "/opt/none/llama-server"))

    ran = reconciler("get", "runtimes", "-f", tmp_path, "-o", "wide")

    assert "/opt/none/llama-server does not exist (install it, or correct Runtime.spec.path)" in ran.stdout


def test_yaml_and_names_hold_the_same_runtimes() -> None:
    names = reconciler("get", "runtimes", "-o", "name").stdout.split()
    found = yaml.safe_load(reconciler("get", "runtimes", "-o", "yaml").stdout)

    assert ["embedded", "llama-server", "llamafile"] == names
    assert names == [one["name"] for one in found["runtimes"]]


def test_manifests_with_errors_are_told_and_the_rest_is_listed(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(_runtime("gone", "/opt/none/llama-server") + "kind: Hots\n")

    ran = reconciler("get", "runtimes", "-f", tmp_path, "-o", "name")

    assert 0 == ran.code
    assert "gone" in ran.stdout.split()
    assert "warning: the manifests have errors" in ran.stderr


def test_a_home_that_cannot_be_written_is_no_obstacle() -> None:
    env = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"), "/proc/none")
    ran = reconciler("get", "runtimes", "-o", "name", env=env, cwd=ROOT)

    assert 0 == ran.code


def test_runtimes_can_be_named() -> None:
    assert "embedded\n" == reconciler("get", "runtimes", "embedded", "-o", "name").stdout


def test_a_name_that_no_runtime_has_is_a_failure_with_a_guess() -> None:
    ran = reconciler("get", "runtimes", "embeded")

    assert 1 == ran.code
    assert "no Runtime is named embeded (did you mean embedded?)" in ran.stderr


def test_the_plain_table_says_where_the_advice_is_and_keeps_stdout_clean() -> None:
    ran = reconciler("get", "runtimes", env={"PATH": "/usr/bin"})

    assert "what to do: reconciler get runtimes -o wide\n" == ran.stderr
    assert "what to do" not in ran.stdout
