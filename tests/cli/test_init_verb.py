from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cli.model_searches import base_name
from reconciler.core.gguf.writing import encode_model
from reconciler.core.tinymodels.kinds import Kind, build
from tests.cli.running import reconciler

PROJECTOR = encode_model({"general.architecture": "clip", "general.type": "mmproj"}, {})


@pytest.fixture(scope="module")
def chat() -> bytes:
    return build(Kind.CHAT)


def _spec(path: Path) -> Any:
    return yaml.safe_load(path.read_text())["spec"]


def test_a_host_and_a_deployment_for_each_model_are_written_and_valid(tmp_path: Path, chat: bytes) -> None:
    models, manifests = tmp_path / "models", tmp_path / "manifests"
    (models / "deep").mkdir(parents=True)
    (models / "Qwen3 8B_Q4_K_M.gguf").write_bytes(chat)
    (models / "deep" / "embed.gguf").write_bytes(build(Kind.EMBEDDING))

    ran = reconciler("init", manifests, "--models", models)

    assert 0 == ran.code
    assert ["embed.yaml", "host.yaml", "qwen3-8b-q4-k-m.yaml"] == sorted(
        one.name for one in manifests.iterdir()
    )
    assert str(models) == _spec(manifests / "host.yaml")["paths"]["models"]
    assert {"model": {"path": "deep/embed.gguf"}} == _spec(manifests / "embed.yaml")
    valid = reconciler("validate", manifests)
    assert (0, "3 objects in 3 files are valid\n") == (valid.code, valid.stdout)


def test_manifests_beside_the_models_can_move_with_them(tmp_path: Path, chat: bytes) -> None:
    (tmp_path / "a.gguf").write_bytes(chat)

    reconciler("init", tmp_path)

    assert "paths" not in _spec(tmp_path / "host.yaml")
    moved = tmp_path.rename(tmp_path.with_name("moved"))
    assert 0 == reconciler("validate", moved, "--strict").code


def test_models_below_the_manifests_are_named_relative_to_them(tmp_path: Path, chat: bytes) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.gguf").write_bytes(chat)

    reconciler("init", tmp_path, "--models", tmp_path / "models")

    assert {"models": "models"} == _spec(tmp_path / "host.yaml")["paths"]
    assert "a.gguf" == _spec(tmp_path / "a.yaml")["model"]["path"]


def test_the_comments_say_what_the_file_holds(tmp_path: Path, chat: bytes) -> None:
    (tmp_path / "a.gguf").write_bytes(chat)

    reconciler("init", tmp_path)

    text = (tmp_path / "a.yaml").read_text()
    assert "# llama, 700k parameters, F16, " in text
    assert "trained for 8192 tokens\n# It chats, with tools.\n" in text


def test_a_second_run_changes_nothing(tmp_path: Path, chat: bytes) -> None:
    (tmp_path / "a.gguf").write_bytes(chat)
    reconciler("init", tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    ran = reconciler("init", tmp_path)

    assert 0 == ran.code
    assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert f"left     {tmp_path}/a.yaml: it names a.gguf\n" in ran.stdout
    assert f"left     {tmp_path}/host.yaml: it holds the Host\n" in ran.stdout


def test_a_model_that_comes_later_gets_its_manifest_and_no_other_gets_a_second(
    tmp_path: Path, chat: bytes
) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.gguf").write_bytes(chat)
    reconciler("init", tmp_path)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.gguf").write_bytes(chat)

    ran = reconciler("init", tmp_path, "-o", "json")

    assert [f"{tmp_path}/x-2.yaml"] == ran.json["written"]
    assert "b/x.gguf" == _spec(tmp_path / "x.yaml")["model"]["path"]
    assert "a/x.gguf" == _spec(tmp_path / "x-2.yaml")["model"]["path"]


def test_a_file_that_exists_is_left_even_when_it_is_broken(tmp_path: Path, chat: bytes) -> None:
    (tmp_path / "a.gguf").write_bytes(chat)
    (tmp_path / "a.yaml").write_text("spec: [")
    (tmp_path / "host.yaml").write_text("mine")

    ran = reconciler("init", tmp_path)

    assert 0 == ran.code
    assert ("spec: [", "mine") == ((tmp_path / "a.yaml").read_text(), (tmp_path / "host.yaml").read_text())
    assert f"left     {tmp_path}/a.yaml: it exists\n" in ran.stdout


def test_a_deployment_that_people_renamed_still_counts(tmp_path: Path, chat: bytes) -> None:
    (tmp_path / "a.gguf").write_bytes(chat)
    reconciler("init", tmp_path)
    (tmp_path / "a.yaml").rename(tmp_path / "my favourite.yaml")

    ran = reconciler("init", tmp_path, "-o", "json")

    assert [] == ran.json["written"]


def test_the_models_directory_of_a_host_counts_without_being_named_again(tmp_path: Path, chat: bytes) -> None:
    models, manifests = tmp_path / "models", tmp_path / "manifests"
    models.mkdir()
    reconciler("init", manifests, "--models", models)
    (models / "a.gguf").write_bytes(chat)

    ran = reconciler("init", manifests, "-o", "json")

    assert [f"{manifests}/a.yaml"] == ran.json["written"]


def test_another_models_directory_than_the_hosts_is_refused(tmp_path: Path) -> None:
    reconciler("init", tmp_path)
    (tmp_path / "other").mkdir()

    ran = reconciler("init", tmp_path, "--models", tmp_path / "other")

    assert 64 == ran.code
    assert f"{tmp_path}/host.yaml says that the models are in {tmp_path}" in ran.stderr


def test_files_that_are_no_models_are_skipped_with_the_reason(tmp_path: Path, chat: bytes) -> None:
    (tmp_path / "adapter.gguf").write_bytes(build(Kind.LORA))
    (tmp_path / "big-00002-of-00003.gguf").write_bytes(chat)
    (tmp_path / "broken.gguf").write_bytes(chat[:1000])
    (tmp_path / "empty.gguf").write_bytes(b"")
    (tmp_path / "lonely-mmproj.gguf").write_bytes(PROJECTOR)
    (tmp_path / "evil\n.gguf").write_bytes(chat)
    (tmp_path / "folder.gguf").mkdir()
    (tmp_path / "text.txt").write_text("no model")

    ran = reconciler("init", tmp_path, "-o", "json")

    reasons = {one["path"]: one["reason"] for one in ran.json["skipped"]}
    assert 0 == ran.code
    assert [f"{tmp_path}/host.yaml"] == ran.json["written"]
    assert reasons.keys() == {
        "adapter.gguf",
        "big-00002-of-00003.gguf",
        "broken.gguf",
        "empty.gguf",
        "lonely-mmproj.gguf",
        "evil\n.gguf",
    }
    assert "a LoRA adapter; name it in spec.model.loras of its model" == reasons["adapter.gguf"]
    assert "part 2 of a split model; its first file stands for all" == reasons["big-00002-of-00003.gguf"]
    assert "a projector; no model beside it has its name" == reasons["lonely-mmproj.gguf"]
    assert str(tmp_path) not in reasons["broken.gguf"]


@pytest.mark.parametrize(
    ("model", "projector"),
    [
        ("gemma-3-4b-it-Q4_K_M.gguf", "mmproj-gemma-3-4b-it-f16.gguf"),
        ("gemma-3-4b-it-Q4_K_M.gguf", "gemma-3-4b-it-mmproj.gguf"),
        ("Qwen2.5-VL-7B-Instruct-UD-Q4_K_XL.gguf", "mmproj-F16.gguf"),
        ("some-model.gguf", "mmproj-model-f16.gguf"),
        ("x.IQ3_XXS.gguf", "mmproj-x.bf16.gguf"),
    ],
)
def test_a_projector_joins_the_model_that_it_belongs_to(
    tmp_path: Path, chat: bytes, model: str, projector: str
) -> None:
    (tmp_path / model).write_bytes(chat)
    (tmp_path / projector).write_bytes(PROJECTOR)

    reconciler("init", tmp_path)

    (manifest,) = (path for path in tmp_path.glob("*.yaml") if path.name != "host.yaml")
    assert {"path": model, "mmproj": {"path": projector}} == _spec(manifest)["model"]


def test_a_second_projector_is_skipped_and_named(tmp_path: Path, chat: bytes) -> None:
    (tmp_path / "x-q4_0.gguf").write_bytes(chat)
    (tmp_path / "mmproj-x-bf16.gguf").write_bytes(PROJECTOR)
    (tmp_path / "mmproj-x-f16.gguf").write_bytes(PROJECTOR)

    ran = reconciler("init", tmp_path)

    assert {"path": "mmproj-x-bf16.gguf"} == _spec(tmp_path / "x-q4-0.yaml")["model"]["mmproj"]
    assert "skipped  mmproj-x-f16.gguf: a projector; its model has another one\n" in ran.stdout


def test_s0_4_only_files_under_the_models_directory_are_listed(tmp_path: Path, chat: bytes) -> None:
    models, outside = tmp_path / "models", tmp_path / "outside"
    (models / "sub").mkdir(parents=True)
    (outside / "deep").mkdir(parents=True)
    (models / "in.gguf").write_bytes(chat)
    (models / "sub" / "deeper.GGUF").write_bytes(chat)
    (outside / "out.gguf").write_bytes(chat)
    (models / "escape.gguf").symlink_to(outside / "out.gguf")
    (models / "folder").symlink_to(outside)
    (models / "loop.gguf").symlink_to("loop.gguf")

    ran = reconciler("init", tmp_path / "manifests", "--models", models, "-o", "json")

    written = [Path(path).name for path in ran.json["written"]]
    assert ["host.yaml", "in.yaml", "deeper.yaml"] == written
    assert "outside of the models directory" in str(ran.json["skipped"])


def test_s0_4_a_link_inside_the_models_directory_is_listed_once(tmp_path: Path, chat: bytes) -> None:
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "abcdef").write_bytes(chat)
    (tmp_path / "a.gguf").symlink_to("blobs/abcdef")
    (tmp_path / "b.gguf").symlink_to("blobs/abcdef")

    ran = reconciler("init", tmp_path, "-o", "json")

    assert [f"{tmp_path}/host.yaml", f"{tmp_path}/a.yaml"] == ran.json["written"]
    assert [{"path": "b.gguf", "reason": "the same file as a.gguf"}] == ran.json["skipped"]


def test_what_a_model_file_says_cannot_leave_its_comment(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(build(Kind.CHAT, name="nice\nkind: Host\n\x1b[31m"))

    reconciler("init", tmp_path)

    assert "# nice\\nkind: Host\\n\\x1b[31m\n" in (tmp_path / "a.yaml").read_text()
    assert 0 == reconciler("validate", tmp_path).code


def test_an_empty_directory_gets_a_host_and_a_word(tmp_path: Path) -> None:
    ran = reconciler("init", tmp_path / "new")

    assert 0 == ran.code
    assert "put a .gguf file there and run this again" in ran.stdout
    assert 0 == reconciler("validate", tmp_path / "new").code


def test_a_models_directory_that_does_not_exist_is_a_wrong_command_line(tmp_path: Path) -> None:
    ran = reconciler("init", tmp_path / "new", "--models", tmp_path / "none")

    assert 64 == ran.code
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("Qwen3-30B_A3B.Q4_K_M.gguf", "qwen3-30b-a3b.q4-k-m"),
        ("llama-00001-of-00004.gguf", "llama"),
        ("___.gguf", "model"),
        ("模型.gguf", "model"),
        ("a" * 80 + ".gguf", "a" * 63),
        ("123.gguf", "123"),
    ],
)
def test_a_name_comes_from_the_file_name(file: str, name: str) -> None:
    assert name == base_name(file)
