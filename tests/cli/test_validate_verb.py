from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.running import on_terminal, reconciler

HEAD = "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: qwen}\n"
GOOD = HEAD + "spec:\n  model: {path: x.gguf}\n  runtime: embedded\n"
BAD = HEAD + "spec:\n  model: {path: x.gguf}\n  runtime: embedded\n  contxt: {size: 1}\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(GOOD.replace("qwen", "good"))
    return tmp_path


MODEL_IN_ONE_LINE = (
    "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: a}\n"
    "spec: {model: {path: a.gguf}, state: running, aliases: [b], bogus: 1, env: {OMP_NUM_THREADS: '4'}}\n"
)


def test_a_valid_tree_is_counted_and_ends_with_0(tree: Path) -> None:
    ran = reconciler("validate", tree, "--no-machine")

    assert 0 == ran.code
    assert (
        "1 object in 1 file is valid\nnot checked: files, binaries and GPUs of this machine\n" == ran.stdout
    )


def test_every_problem_is_one_line_with_its_place_and_ends_with_3(tree: Path) -> None:
    (tree / "bad.yaml").write_text(BAD)
    (tree / "worse.yaml").write_text("kind: Hots\n")

    ran = reconciler("validate", "-f", tree, "--no-machine")

    lines = ran.stdout.splitlines()
    assert 3 == ran.code
    assert f"{tree}/bad.yaml:7:3: spec.contxt: unknown key 'contxt' (did you mean context?)" == lines[0]
    assert lines[1].startswith(f"{tree}/worse.yaml:1:7: kind: ")
    assert "2 errors in 2 of 3 files" == lines[2]


def test_a_terminal_shows_the_line_and_a_caret_below_the_place(tree: Path) -> None:
    (tree / "bad.yaml").write_text(BAD)

    shown = on_terminal("validate", tree / "bad.yaml", "--no-machine").replace("\r\n", "\n")

    assert f"\x1b[31m{tree}/bad.yaml:7:3:\x1b[0m spec.contxt: unknown key" in shown
    assert "\n  7 |   contxt: {size: 1}\n        ^\n" in shown


def test_a_file_cannot_steer_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_bytes(BAD.replace("contxt", '"con\\x1b]0;evil\\atxt"').encode())

    shown = on_terminal("validate", tmp_path, "--no-machine", env={"NO_COLOR": "1"})

    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_what_the_machine_lacks_is_a_warning_and_with_strict_an_error(tree: Path) -> None:
    lenient, strict = reconciler("validate", tree), reconciler("validate", tree, "--strict")

    assert [0, 3] == [lenient.code, strict.code]
    assert f"warning: spec.model.path: {tree}/x.gguf does not exist" in lenient.stdout
    assert "1 object in 1 file is valid, 1 warning\n" in lenient.stdout
    assert "1 warning in 1 of 1 file (--strict counts warnings as errors)\n" in strict.stdout


def test_json_holds_the_same_and_nothing_else(tree: Path) -> None:
    (tree / "bad.yaml").write_text(BAD)

    ran = reconciler("validate", tree, "--no-machine", "-o", "json")

    assert 3 == ran.code
    assert "" == ran.stderr
    assert {
        "valid": False,
        "files": 2,
        "objects": 1,
        "errors": 1,
        "warnings": 0,
        "diagnostics": [
            {
                "file": f"{tree}/bad.yaml",
                "line": 7,
                "column": 3,
                "path": "spec.contxt",
                "severity": "error",
                "message": "unknown key 'contxt'",
                "hint": "did you mean context?",
            }
        ],
    } == ran.json


def test_stdin_is_a_file_too() -> None:
    ran = reconciler("validate", "-f", "-", "--no-machine", stdin=BAD)

    assert 3 == ran.code
    assert ran.stdout.startswith("<stdin>:7:3: spec.contxt: ")


def test_paths_may_stand_with_and_without_the_flag(tree: Path) -> None:
    (tree / "bad.yaml").write_text(BAD)

    ran = reconciler("validate", tree / "good.yaml", "-f", tree / "bad.yaml", "--no-machine")

    assert "1 error in 1 of 2 files\n" in ran.stdout


def test_the_command_lines_are_shown_with_the_port_left_open(tree: Path) -> None:
    ran = reconciler("validate", tree, "--commands", "--no-machine")

    line = next(line for line in ran.stdout.splitlines() if line.startswith("good: "))
    assert f" {tree}/x.gguf " in line
    assert " --port PORT " in line


def test_the_command_lines_are_there_as_json(tree: Path) -> None:
    ran = reconciler("validate", tree, "--commands", "--no-machine", "-o", "json")

    assert "--alias" in ran.json["commands"]["good"]


def test_nothing_to_validate_is_a_wrong_command_line() -> None:
    ran = reconciler("validate")

    assert 64 == ran.code
    assert "name a file or a directory: reconciler validate DIR" in ran.stderr


def test_a_path_that_does_not_exist_is_a_wrong_command_line(tmp_path: Path) -> None:
    ran = reconciler("validate", tmp_path / "none")

    assert 64 == ran.code
    assert f"{tmp_path}/none does not exist" in ran.stderr


def test_a_directory_without_manifests_is_told(tmp_path: Path) -> None:
    ran = reconciler("validate", tmp_path)

    assert 0 == ran.code
    assert "warning: no manifest found; their names end in .yaml or .yml\n" == ran.stderr


def test_a_directory_that_nobody_may_read_is_no_traceback(tree: Path) -> None:
    (tree / "bad.yaml").mkdir()
    os.mkfifo(tree / "pipe.yaml")

    ran = reconciler("validate", tree, "--no-machine")

    assert 3 == ran.code
    assert f"{tree}/pipe.yaml:1:1: is not a regular file\n" in ran.stdout


def test_the_caret_stays_below_its_place_where_the_terminal_is_narrow(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(MODEL_IN_ONE_LINE)

    shown = on_terminal("validate", path, "--no-machine", env={"COLUMNS": "40", "NO_COLOR": "1"})
    _, excerpt, caret, *_ = shown.replace("\r", "").split("\n")

    assert max(len(excerpt), len(caret)) <= 40
    assert excerpt[caret.index("^") :].startswith("bogus")


def test_a_file_that_declares_nothing_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# to do\n")

    ran = reconciler("validate", path)

    assert (0, "0 objects in 1 file are valid\n") == (ran.code, ran.stdout)
    assert "nothing is declared" in ran.stderr


def test_a_gpu_is_a_warning_on_a_build_that_knows_none(tree: Path) -> None:
    (tree / "gpu.yaml").write_text(
        "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: on-gpu}\n"
        "spec: {model: {path: a.gguf}, runtime: embedded, placement: {gpus: [gpu0]}}\n"
    )

    ran = reconciler("validate", tree / "gpu.yaml")

    assert 0 == ran.code
    assert "warning: spec.placement.gpus[0]: this machine has no gpu0" in ran.stdout
    assert "--device" not in ran.stdout


def test_without_the_machine_what_the_text_gets_wrong_is_still_advised_on(tmp_path: Path) -> None:
    """In CI, with --strict, nothing else is looked at."""
    (tmp_path / "a.yaml").write_text(
        "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: a}\n"
        "spec: {model: {path: x.gguf}, args: {temp: 0.5}}\n"
    )

    ran = reconciler("validate", "--no-machine", "--strict", tmp_path)

    assert 3 == ran.code
    assert ["spec.args.temp"] == [
        line.split(": ")[2] for line in ran.stdout.splitlines() if "warning: " in line
    ]


def test_commands_are_printed_for_what_could_start_and_the_rest_is_told(tmp_path: Path) -> None:
    """A path that the engine's syntax cannot carry is a diagnostic, and the other deployment is still shown."""
    head = "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\n"
    (tmp_path / "m.yaml").write_text(
        f"{head}metadata: {{name: good}}\nspec: {{model: {{path: m.gguf}}}}\n---\n"
        f'{head}metadata: {{name: odd}}\nspec: {{model: {{path: m.gguf, loras: [{{path: "a:b.gguf", scale: 0.5}}]}}}}\n'
    )

    done = reconciler("validate", tmp_path, "--commands", "--no-machine")

    assert done.code == 3
    assert "the engine splits it at ':'" in done.stdout
    assert [line for line in done.stdout.splitlines() if line.startswith("good: ")]
    assert not [line for line in done.stdout.splitlines() if line.startswith("odd: ")]
