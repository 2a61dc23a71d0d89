from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.errors import PathRefused
from reconciler.host.paths import GGUF_SUFFIXES, FileAbsent, confine


@pytest.fixture
def models(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "x.gguf").write_bytes(b"GGUF\x03\0\0\0")
    return folder


def model(written: str, root: Path, *, roots: tuple[Path, ...] | None = None) -> Path | FileAbsent:
    return confine(written, bases=[root], roots=roots or (root,), suffixes=GGUF_SUFFIXES, gguf=True)


def refusal(written: str, root: Path) -> str:
    with pytest.raises(PathRefused) as caught:
        model(written, root)
    return str(caught.value)


def test_a_model_under_the_directory_is_found(models: Path) -> None:
    assert model("x.gguf", models) == models / "x.gguf"


def test_an_absolute_path_inside_is_the_same_file(models: Path) -> None:
    assert model(str(models / "x.gguf"), models) == models / "x.gguf"


def test_s0_5_an_absolute_path_outside_is_refused_and_says_what_is_allowed(models: Path) -> None:
    message = refusal("/etc/x.gguf", models)

    assert "'/etc/x.gguf' lies outside the allowed directories" in message
    assert str(models) in message
    assert "Host.spec.paths.allowed" in message


@pytest.mark.parametrize("written", ["../x.gguf", "a/../../x.gguf", "a/../x.gguf"])
def test_s0_5_a_step_upwards_is_refused(models: Path, written: str) -> None:
    assert "contains '..'" in refusal(written, models)


def test_s0_5_another_suffix_is_refused(models: Path) -> None:
    (models / "x.bin").write_bytes(b"GGUF")

    assert "'x.bin' does not end in .gguf" in refusal("x.bin", models)


def test_s0_5_a_prefix_twin_is_outside(models: Path) -> None:
    twin = models.with_name("models2")
    twin.mkdir()
    (twin / "x.gguf").write_bytes(b"GGUF")

    assert "lies outside" in refusal(str(twin / "x.gguf"), models)


def test_s0_5_a_link_that_leads_out_is_refused_with_its_target(models: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.gguf"
    secret.write_bytes(b"GGUF")
    (models / "link.gguf").symlink_to(secret)

    assert f"leads to {secret} and lies outside" in refusal("link.gguf", models)


def test_a_linked_directory_that_leads_out_is_refused_before_the_file_exists(
    models: Path, tmp_path: Path
) -> None:
    (models / "sub").symlink_to(tmp_path)

    assert "lies outside" in refusal("sub/later.gguf", models)


def test_s0_13_a_linked_root_is_the_directory_behind_it(models: Path, tmp_path: Path) -> None:
    link = tmp_path / "srv"
    link.symlink_to(models)

    assert model("x.gguf", link) == models / "x.gguf"


def test_s0_13_a_file_in_a_second_allowed_directory_is_found(models: Path, tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "chat.jinja").write_text("{{ messages }}")

    found = confine(
        str(templates / "chat.jinja"), bases=[models], roots=[models, templates], suffixes=[".jinja"]
    )

    assert found == templates / "chat.jinja"


def test_a_file_beside_the_manifest_comes_before_one_beside_the_models(models: Path, tmp_path: Path) -> None:
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    for folder in (manifests, models):
        (folder / "chat.jinja").write_text("x")

    assert (
        confine("chat.jinja", bases=[manifests, models], roots=[manifests, models])
        == manifests / "chat.jinja"
    )
    (manifests / "chat.jinja").unlink()
    assert (
        confine("chat.jinja", bases=[manifests, models], roots=[manifests, models]) == models / "chat.jinja"
    )


def test_a_hugging_face_snapshot_leads_to_a_blob_without_a_suffix(models: Path) -> None:
    blob = models / "hub/blobs/0a1b2c"
    snapshot = models / "hub/snapshots/main/q4.gguf"
    for path in (blob, snapshot):
        path.parent.mkdir(parents=True)
    blob.write_bytes(b"GGUF")
    snapshot.symlink_to("../../blobs/0a1b2c")

    assert model("hub/snapshots/main/q4.gguf", models) == blob


def test_a_name_that_says_gguf_over_something_else_is_no_gguf(models: Path) -> None:
    (models / "page.gguf").write_text("<!doctype html>")

    found = model("page.gguf", models)

    assert found == FileAbsent(
        models / "page.gguf",
        "NotAGguf",
        f"{models / 'page.gguf'} is not a GGUF file: it does not begin with GGUF",
    )


@pytest.mark.parametrize("written", ["later.gguf", "folder/later.gguf", "x.gguf/y.gguf"])
def test_a_file_that_is_not_there_is_the_machines_matter(models: Path, written: str) -> None:
    found = model(written, models)

    assert found == FileAbsent(models / written, "FileMissing", f"{models / written} does not exist")


def test_a_root_that_is_not_mounted_is_the_machines_matter(tmp_path: Path) -> None:
    found = model("x.gguf", tmp_path / "unmounted")

    assert isinstance(found, FileAbsent)


@pytest.mark.parametrize(
    ("written", "message"), [("", "the path is empty"), ("x\0.gguf", "contains a NUL byte")]
)
def test_a_text_that_is_no_path_is_refused(models: Path, written: str, message: str) -> None:
    assert message in refusal(written, models)


def test_a_directory_is_refused(models: Path) -> None:
    (models / "folder.gguf").mkdir()

    assert "is not a regular file" in refusal("folder.gguf", models)


def test_a_fifo_is_refused_without_waiting_for_its_writer(models: Path) -> None:
    os.mkfifo(models / "pipe.gguf")

    assert "is not a regular file" in refusal("pipe.gguf", models)


def test_a_circle_of_links_is_refused(models: Path) -> None:
    (models / "a.gguf").symlink_to("b.gguf")
    (models / "b.gguf").symlink_to("a.gguf")

    assert "circle of symbolic links" in refusal("a.gguf", models)


def test_without_allowed_directories_nothing_is_allowed(models: Path) -> None:
    with pytest.raises(PathRefused, match="none"):
        confine("x.gguf", bases=[models], roots=[])
