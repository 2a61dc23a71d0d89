"""Where manifests may point: every path of every field and option, judged through the reading of a tree."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.gguf.writing import encode_model
from reconciler.errors import CommandLineWrong, StartFailed
from reconciler.host.files import MOST_FILES
from tests.fakes.manifest_trees import ManifestTree, value_after

#: Each key of `args` that names a file, and what would be its file.
PATH_KEYS = {
    "grammar-file": "x.gbnf",
    "json-schema-file": "x.json",
    "chat-template-file": "x.jinja",
    "control-vector": "x.gguf",
    "lora": "x.gguf",
    "lora-scaled": "x.gguf",
    "mmproj": "x.gguf",
    "model-draft": "x.gguf",
}
#: These are no options of a server any more, wherever they point.
REFUSED_KEYS = ("lora-base", "log-file", "prompt-cache")


@pytest.fixture
def tree(tmp_path: Path) -> ManifestTree:
    made = ManifestTree(tmp_path)
    made.scripted()
    made.host()
    made.model("chat.gguf")
    return made


def errors(tree: ManifestTree) -> list[str]:
    return [line for line in tree.told() if ": warning: " not in line]


def value(key: str, path: str) -> Any:
    return [path, 0.5] if key == "lora-scaled" else path


@pytest.mark.parametrize(
    "path", ["/etc/x.gguf", "../x.gguf", "a/../../x.gguf", "x.bin", "%2e%2e/../x.gguf", ""]
)
def test_s0_5_a_model_outside_the_directories_is_an_error_at_its_path(tree: ManifestTree, path: str) -> None:
    tree.deployment(path=path)

    told = errors(tree)

    assert 1 == len(told)
    assert ": spec.model.path: " in told[0]


def test_s0_5_a_link_that_leads_out_is_an_error_and_names_its_end(tree: ManifestTree, tmp_path: Path) -> None:
    outside = tree.model("secret.gguf", folder=tmp_path.parent / f"{tmp_path.name}-outside")
    (tree.models / "x.gguf").symlink_to(outside)
    tree.deployment(path="x.gguf")

    told = errors(tree)

    assert 1 == len(told)
    assert "secret.gguf" in told[0]
    assert "Host.spec.paths.allowed" in told[0]


def test_s0_5_a_directory_whose_name_begins_alike_is_outside(tree: ManifestTree) -> None:
    tree.model("x.gguf", folder=tree.folder / "models2")
    tree.deployment(path=str(tree.folder / "models2/x.gguf"))

    assert 1 == len(errors(tree))


def test_s0_5_a_link_into_a_cache_inside_needs_no_suffix_behind_it(tree: ManifestTree) -> None:
    blob = tree.model("blobs/4f2a91")
    (tree.models / "snapshot").mkdir()
    (tree.models / "snapshot/x.gguf").symlink_to("../blobs/4f2a91")
    tree.deployment(path="snapshot/x.gguf")

    assert [] == tree.told()
    assert str(blob) == value_after(tree.command(), "-m")


def test_s0_5_a_models_directory_that_is_a_link_is_the_directory_behind_it(tree: ManifestTree) -> None:
    real = tree.folder / "disk"
    tree.models.rename(real)
    tree.models.symlink_to(real)
    tree.deployment()

    assert [] == tree.told()
    assert str(real / "chat.gguf") == value_after(tree.command(), "-m")


def shards(tree: ManifestTree, folder: Path) -> list[Path]:
    """Two files that claim to be one model."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"big-0000{number}-of-00002.gguf" for number in (1, 2)]
    for number, path in enumerate(paths):
        split = {"split.count": 2, "split.no": number, "split.tensors.count": 0}
        kept = {"general.architecture": "llama"} if number == 0 else {}
        path.write_bytes(encode_model({**kept, **split}, {}))
    assert tree.models.is_dir()
    return paths


def test_s0_5_a_split_model_in_a_cache_of_blobs_keeps_the_names_that_the_engine_looks_for(
    tree: ManifestTree,
) -> None:
    blobs = shards(tree, tree.models / "blobs")
    (tree.models / "snapshot").mkdir()
    for number, blob in enumerate(blobs):
        renamed = blob.rename(blob.with_name(f"blob{number}"))
        (tree.models / "snapshot" / blob.name).symlink_to(renamed)
    tree.deployment(path=f"snapshot/{blobs[0].name}")

    told, facts = tree.told(), tree.prepared().facts

    assert [] == told
    assert facts is not None
    assert str(tree.models / "snapshot" / blobs[0].name) == value_after(tree.command(), "-m")


def test_s0_5_a_later_file_of_a_split_model_cannot_lead_out(tree: ManifestTree) -> None:
    first, second = shards(tree, tree.models)
    second.rename(tree.folder / "outside.gguf")
    second.symlink_to(tree.folder / "outside.gguf")
    tree.deployment(path=first.name)

    told = errors(tree)

    assert 1 == len(told)
    assert "outside.gguf" in told[0]
    assert ": spec.model.path: " in told[0]


def test_a_later_file_that_is_missing_keeps_the_model_from_starting(tree: ManifestTree) -> None:
    first, second = shards(tree, tree.models)
    second.unlink()
    tree.deployment(path=first.name)

    told = tree.told()

    assert 1 == len(told)
    assert "1 of 2 shards are missing" in told[0]
    with pytest.raises(StartFailed, match=second.name):
        tree.launch()


def test_s2_27_a_refused_path_is_not_opened(tree: ManifestTree) -> None:
    """The header of a file outside would tell things about it: trained length, kind."""
    outside = tree.model("adapter.gguf", "lora", folder=tree.folder / "outside")
    tree.deployment(path=str(outside), context={"size": 100_000})

    told = tree.told()

    assert 1 == len(told)
    assert "lies outside" in told[0]
    assert tree.prepared().facts is None


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "%2e%2e/x", "..\\x.gguf/../../y", "x\u0000.gguf"])
def test_s2_27_what_is_no_model_file_is_refused_by_its_name(tree: ManifestTree, path: str) -> None:
    tree.deployment(path=path)

    assert not tree.read().is_valid


def test_s2_27_another_content_than_gguf_is_told(tree: ManifestTree) -> None:
    (tree.models / "x.gguf").write_text("root:x:0:0\n")
    tree.deployment(path="x.gguf")

    told = tree.told()

    assert 1 == len(told)
    assert "is not a GGUF file" in told[0]
    assert "root:x" not in told[0]


@pytest.mark.parametrize("key", PATH_KEYS)
def test_s0_13_a_path_option_outside_the_directories_is_an_error_at_its_key(
    tree: ManifestTree, key: str
) -> None:
    outside = tree.folder / "outside" / PATH_KEYS[key]
    tree.model(outside.name, folder=outside.parent)
    tree.deployment(args={key: value(key, str(outside))})

    told = errors(tree)

    assert 1 == len(told)
    assert f": spec.args.{key}" in told[0]
    assert "outside" in told[0]


@pytest.mark.parametrize("key", PATH_KEYS)
def test_s0_13_a_link_that_leads_out_is_an_error_for_every_path_option(tree: ManifestTree, key: str) -> None:
    outside = tree.model(PATH_KEYS[key], folder=tree.folder / "outside")
    (tree.models / PATH_KEYS[key]).symlink_to(outside)
    tree.deployment(args={key: value(key, PATH_KEYS[key])})

    told = errors(tree)

    assert 1 == len(told)
    assert f": spec.args.{key}" in told[0]


@pytest.mark.parametrize("key", PATH_KEYS)
def test_s0_13_a_path_option_inside_becomes_absolute(tree: ManifestTree, key: str) -> None:
    inside = tree.model(f"sub/{PATH_KEYS[key]}")
    tree.deployment(args={key: value(key, f"sub/{PATH_KEYS[key]}")})

    assert [] == errors(tree)
    assert any(token in {str(inside), f"{inside}:0.5"} for token in tree.command())


@pytest.mark.parametrize("key", PATH_KEYS)
def test_s0_13_a_second_allowed_directory_may_be_a_link(tree: ManifestTree, key: str, tmp_path: Path) -> None:
    real = tree.model(PATH_KEYS[key], folder=tmp_path.parent / f"{tmp_path.name}-real")
    (tree.folder / "linked").symlink_to(real.parent)
    tree.host(paths={"models": "models", "allowed": ["linked"]})
    tree.deployment(args={key: value(key, str(tree.folder / "linked" / PATH_KEYS[key]))})

    assert [] == errors(tree)
    assert any(token in {str(real), f"{real}:0.5"} for token in tree.command())


@pytest.mark.parametrize("key", REFUSED_KEYS)
def test_s0_13_options_that_write_or_are_gone_are_refused_inside_too(tree: ManifestTree, key: str) -> None:
    inside = tree.model("x.gguf")
    tree.deployment(args={key: str(inside)})

    told = errors(tree)

    assert 1 == len(told)
    assert f"spec.args.{key}: Cannot set '{key}'" in told[0]


@pytest.mark.parametrize("field", ["mmproj", "draft"])
def test_s0_13_the_other_files_of_a_model_are_confined_too(tree: ManifestTree, field: str) -> None:
    tree.deployment(
        model={field: {"path": "/etc/x.gguf"}, "loras": [{"path": "a.gguf"}, {"path": "../b.gguf"}]}
    )
    tree.model("a.gguf", "lora")

    told = errors(tree)

    assert 2 == len(told)
    assert any(f": spec.model.{field}.path: " in line for line in told)
    assert any(": spec.model.loras[1].path: " in line for line in told)


def test_b0_12_a_relative_file_is_looked_for_beside_the_manifest_and_then_below_models(
    tree: ManifestTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    tree.host(paths={"models": "models", "allowed": ["."]})
    (tree.folder / "both.gbnf").write_text("root ::= x")
    (tree.models / "both.gbnf").write_text("root ::= y")
    (tree.models / "models-only.gbnf").write_text("root ::= z")
    tree.deployment("first", args={"grammar-file": "both.gbnf"})
    tree.deployment("second", args={"grammar-file": "models-only.gbnf"})

    first, second = tree.command("first"), tree.command("second")

    assert str(tree.folder / "both.gbnf") == value_after(first, "--grammar-file")
    assert str(tree.models / "models-only.gbnf") == value_after(second, "--grammar-file")


def test_b0_12_the_manifests_directory_is_the_one_of_each_file(tree: ManifestTree) -> None:
    tree.host(paths={"models": "models", "allowed": ["."]})
    for team in ("a", "b"):
        (tree.folder / team).mkdir()
        (tree.folder / team / "x.gbnf").write_text(f"root ::= {team}")
        spec = {"model": {"path": "chat.gguf"}, "args": {"grammar-file": "x.gbnf"}}
        tree.add("ModelDeployment", team, spec, file=f"{team}/{team}.yaml")

    assert str(tree.folder / "a/x.gbnf") == value_after(tree.command("a"), "--grammar-file")
    assert str(tree.folder / "b/x.gbnf") == value_after(tree.command("b"), "--grammar-file")


def test_b0_12_the_runtimes_file_and_the_deployments_of_the_same_name_stay_two(tree: ManifestTree) -> None:
    tree.host(paths={"models": "models", "allowed": ["."]})
    for folder in ("ops", "team"):
        (tree.folder / folder).mkdir()
        (tree.folder / folder / "x.json").write_text("{}")
        (tree.folder / folder / "x.jinja").write_text("x")
    binary = str(tree.folder / ".bin/llama-server/llama-server")
    runtime = {"kind": "llama-server", "path": binary, "args": {"chat-template-file": "x.jinja"}}
    tree.add("Runtime", "tuned", runtime, file="ops/tuned.yaml")
    spec = {"model": {"path": "chat.gguf"}, "runtime": "tuned", "args": {"json-schema-file": "x.json"}}
    tree.add("ModelDeployment", "chat", spec, file="team/chat.yaml")

    argv = tree.command()

    assert str(tree.folder / "ops/x.jinja") == value_after(argv, "--chat-template-file")
    assert str(tree.folder / "team/x.json") == value_after(
        argv, "-jf" if "-jf" in argv else "--json-schema-file"
    )


def test_b0_12_a_runtimes_path_starts_at_its_manifest(
    tree: ManifestTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    tree.runtime("near", Path(".bin/llama-server/llama-server"))
    tree.deployment(runtime="near")

    assert str(tree.folder / ".bin/llama-server/llama-server") == tree.prepared().command(1)[0]


def test_b0_12_without_a_host_models_lie_beside_the_manifest(tmp_path: Path) -> None:
    tree = ManifestTree(tmp_path)
    tree.scripted()
    model = tree.model("chat.gguf", folder=tmp_path)
    tree.deployment()

    assert [] == tree.told()
    assert str(model) == value_after(tree.command(), "-m")


def test_an_absent_file_that_may_be_anywhere_allowed_is_a_warning(tree: ManifestTree) -> None:
    """A grammar on a mount that is away must not refuse the whole set of manifests."""
    tree.deployment(args={"grammar-file": "later.gbnf"})

    told = tree.told()

    assert [] == errors(tree)
    assert 1 == len(told)
    assert "models/later.gbnf does not exist" in told[0]


def test_without_the_models_directory_one_warning_stands_for_all_files(tree: ManifestTree) -> None:
    for path in tree.models.iterdir():
        path.unlink()
    tree.models.rmdir()
    for number in range(5):
        tree.deployment(f"m{number}", f"m{number}.gguf", args={"grammar-file": "x.gbnf"})

    told = tree.told()

    assert 1 == len(told)
    assert "spec.paths.models" in told[0]
    assert "not checked" in told[0]


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


STRANGE: dict[str, Callable[[Path], Any]] = {
    "fifo": os.mkfifo,
    "directory": Path.mkdir,
    "socket": a_socket,
    "empty": Path.touch,
    "circle": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE)
def test_nothing_waits_for_what_is_no_file(
    tree: ManifestTree, make: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree.models)  # sockets have short names
    make(Path("x.gguf"))
    tree.deployment(path="x.gguf")

    told = tree.told()

    assert 1 == len(told)
    assert ": spec.model.path: " in told[0]


def test_a_fifo_among_the_manifests_is_told_and_not_waited_for(tree: ManifestTree) -> None:
    os.mkfifo(tree.folder / "pipe.yaml")
    tree.deployment()

    assert ["pipe.yaml:1:1: is not a regular file"] == tree.told()


def test_more_files_than_anybody_keeps_are_refused_with_a_way_out(tree: ManifestTree) -> None:
    for number in range(MOST_FILES):
        (tree.folder / f"{number}.yaml").touch()

    with pytest.raises(CommandLineWrong, match=f"more than {MOST_FILES} manifest files") as caught:
        tree.read()

    assert "name the directories that count" == caught.value.next_step
