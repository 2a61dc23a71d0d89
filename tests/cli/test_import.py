"""`reconciler import`, as people run it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import reconciler

MODELS = """\
models:
  Chat: {path: /srv/models/chat.gguf, kv_type: q8_0, context: 8192}
  coder: {path: /srv/models/coder.gguf, kv_type: q8_0, context: 8192, extra_args: --jinja --port 1}
"""
BROKEN = MODELS + '  bad: {path: /srv/models/bad.gguf, extra_args: "--chat-template \'x"}\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "models.yaml").write_text(MODELS)
    return folder


def test_manifests_go_to_stdout_and_notes_to_stderr(config: Path) -> None:
    ran = reconciler("import", "--from", "guardian", config / "models.yaml")

    assert 0 == ran.code
    assert ran.stdout.startswith("# host.yaml\n")
    assert f"{config}/models.yaml:3:" in ran.stderr
    assert "'--port': reconciler sets it" in ran.stderr


def test_what_is_printed_is_valid(config: Path) -> None:
    printed = reconciler("import", "--from", "guardian", config).stdout

    ran = reconciler("validate", "-f", "-", "--no-machine", stdin=printed)

    assert (0, "3 objects in 1 file are valid") == (ran.code, ran.stdout.splitlines()[0])


def test_the_configuration_is_found_in_its_directory_and_above(config: Path) -> None:
    inside, above = (reconciler("import", "--from", "guardian", path) for path in (config, config.parent))

    assert 0 == above.code
    assert inside.stdout == above.stdout


def test_nothing_is_ever_overwritten(config: Path, tmp_path: Path) -> None:
    target = tmp_path / "manifests"
    target.mkdir()
    (target / "chat.yaml").write_text("# mine\n")

    first = reconciler("import", "--from", "guardian", config, "--into", target)
    before = {path.name: path.read_text() for path in target.iterdir()}
    second = reconciler("import", "--from", "guardian", config, "--into", target)

    assert (0, 0) == (first.code, second.code)
    assert "# mine\n" == before["chat.yaml"]
    assert {"host.yaml", "chat.yaml", "coder.yaml"} == before.keys()
    assert before == {path.name: path.read_text() for path in target.iterdir()}
    assert f"left     {target}/chat.yaml: it exists" in first.stdout
    assert f"left     {target}/host.yaml: {target}/host.yaml holds the Host" in second.stdout


def test_a_name_that_another_file_declares_is_left(config: Path, tmp_path: Path) -> None:
    target = tmp_path / "manifests"
    target.mkdir()
    (target / "all.yaml").write_text(
        "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: coder}\n"
        "spec: {model: {path: c.gguf}}\n"
    )

    ran = reconciler("import", "--from", "guardian", config, "--into", target)

    assert f"left     {target}/coder.yaml: another manifest there is named coder" in ran.stdout
    assert not (target / "coder.yaml").exists()


def test_a_broken_model_leaves_the_others_and_exits_3(config: Path, tmp_path: Path) -> None:
    (config / "models.yaml").write_text(BROKEN)
    target = tmp_path / "manifests"

    ran = reconciler("import", "--from", "guardian", config, "--into", target)

    assert 3 == ran.code
    assert ["chat.yaml", "coder.yaml", "host.yaml"] == sorted(path.name for path in target.iterdir())
    assert "models.yaml:4:49: models.bad.extra_args: cannot be split into words" in ran.stderr


def test_files_that_are_not_read_are_named(config: Path) -> None:
    (config / "settings.yaml").write_text("proxy: {port: 11434}\n")
    (config / "api_keys.json").write_text("{}")

    ran = reconciler("import", "--from", "guardian", config)

    assert "settings.yaml: timeouts, windows and services are not imported" in ran.stderr
    assert "api_keys.json: keys are not imported" in ran.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "guardian", "/nowhere"], "/nowhere does not exist"),
        (["--from", "guardian", "."], ". holds no models.yaml"),
        (["--from", "gardian", "."], "did you mean guardian?"),
        (["."], "--from"),
        (["--from", "guardian"], "PATH"),
    ],
)
def test_a_wrong_command_line_exits_64(words: list[str], message: str, tmp_path: Path) -> None:
    ran = reconciler("import", *words, cwd=tmp_path)

    assert 64 == ran.code
    assert message in ran.stderr


def test_a_backend_needs_its_binary(config: Path) -> None:
    ran = reconciler("import", "--from", "guardian", config, "--backend", "ik_fork")

    assert 64 == ran.code
    assert "write --backend NAME=PATH" in ran.stderr
