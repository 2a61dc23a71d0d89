"""A tree is the same whatever order its files come in and however much of it was remembered."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from reconciler.spec.kinds import ArgPolicy, Client, Runtime
from reconciler.spec.trees import FileReading, Tree, join, read_file

FOLDER = Path(__file__).parent
GOOD = sorted((FOLDER / "good").glob("*.yaml"))
BAD = sorted((FOLDER / "bad").glob("*.yaml"))
HEAD = "apiVersion: models.reconciler/v1alpha1\nkind: {}\nmetadata: {{name: {}}}\nspec: {}\n"


def reading(file: str, kind: str, name: str, spec: str) -> FileReading:
    return read_file(file, HEAD.format(kind, name, spec).encode())


def told(*readings: FileReading) -> list[str]:
    return [str(one) for one in join(readings).diagnostics]


def everything() -> list[FileReading]:
    return [read_file(path.name, path.read_bytes()) for path in (*GOOD, *BAD)]


def names_of(tree: Tree) -> list[str]:
    return [one.manifest.metadata.name for one in tree.objects]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_files_changes_nothing(seed: int) -> None:
    files = everything()
    expected = join(files)
    random.Random(seed).shuffle(files)
    shuffled = join(files)

    assert [str(one) for one in expected.diagnostics] == [str(one) for one in shuffled.diagnostics]
    assert names_of(expected) == names_of(shuffled)


def test_diagnostics_are_in_the_order_of_the_text() -> None:
    found = join(everything()).diagnostics
    places = [(one.file, one.line, one.column) for one in found]

    assert sorted(places) == places
    assert len(set(map(str, found))) == len(found)


def test_a_changed_file_joined_with_remembered_ones_is_a_full_reading() -> None:
    remembered = everything()
    changed = read_file(GOOD[0].name, GOOD[0].read_bytes().replace(b"alice", b"bob"))
    again = [read_file(path.name, path.read_bytes()) for path in (*GOOD[1:], *BAD)]

    assert join([changed, *remembered[1:]]) == join([changed, *again])
    assert join([changed, *remembered[1:]]) != join(remembered)


def test_objects_are_found_by_kind() -> None:
    tree = join(read_file(path.name, path.read_bytes()) for path in GOOD)

    assert tree.is_valid
    assert ["qwen3-30b", "smallest"] == [one.manifest.metadata.name for one in tree.deployments]
    assert [1, 1, 1] == [len(tree.runtimes), len(tree.policies), len(tree.clients)]
    assert [Runtime, ArgPolicy, Client] == [
        type(one[0].manifest) for one in (tree.runtimes, tree.policies, tree.clients)
    ]
    assert tree.host is not None
    assert tree.host.manifest.metadata.name == "workstation"


def test_the_second_of_two_equal_names_says_where_the_first_is() -> None:
    first = reading("a.yaml", "Runtime", "mine", "{kind: llama-server}")
    second = reading("b.yaml", "Runtime", "mine", "{kind: llama-server}")

    assert ["b.yaml:3:18: metadata.name: a.yaml:3 has a Runtime of this name (rename one of them)"] == told(
        first, second
    )


def test_objects_of_two_kinds_may_share_a_name() -> None:
    assert [] == told(
        reading("a.yaml", "Runtime", "mine", "{kind: llama-server}"),
        reading("b.yaml", "ArgPolicy", "mine", "{}"),
    )


def test_a_reference_to_an_object_with_a_mistake_of_its_own_is_not_told() -> None:
    wrong = reading("a.yaml", "Runtime", "mine", "{kind: llama-servr}")
    user = reading("b.yaml", "ModelDeployment", "chat", "{model: {path: a.gguf}, runtime: mine}")

    assert ["a.yaml:4:14: spec.kind: cannot be 'llama-servr' (did you mean llama-server?)"] == told(
        wrong, user
    )


def test_while_a_file_breaks_off_no_reference_is_called_unknown() -> None:
    broken = read_file("a.yaml", b"kind: [\n")
    user = reading("b.yaml", "ModelDeployment", "chat", "{model: {path: a.gguf}, runtime: mine}")

    assert len(told(broken, user)) == 1
    assert len(told(user)) == 1


def test_without_a_host_the_gateway_still_has_its_port() -> None:
    user = reading("b.yaml", "ModelDeployment", "chat", "{model: {path: a.gguf}, port: 11434}")
    host = reading("a.yaml", "Host", "box", '{listen: ["unix:/run/gateway.sock"]}')

    assert len(told(user)) == 1
    assert [] == told(host, user)


@pytest.mark.parametrize("gpu", ["gpu0", "GPU1", "7", "GPU-4b3c1a2d-0000-1111-2222-333344445555", "MIG-1/2/3",
                                 "0000:65:00.0", "0x1234abcd", "4b3c1a2d-0000-1111-2222-333344445555"])  # fmt: skip
def test_what_only_the_machine_can_know_is_no_unknown_gpu(gpu: str) -> None:
    spec = f'{{model: {{path: a.gguf}}, placement: {{gpus: ["{gpu}"]}}}}'

    assert [] == told(reading("a.yaml", "ModelDeployment", "chat", spec))


def test_a_gpu_is_named_anywhere_by_the_words_of_the_host() -> None:
    host = reading(
        "a.yaml", "Host", "box", "{gpuNames: {big: GPU-1}, memory: {reserve: {big: 1Gi, bigg: 1Gi}}}"
    )

    assert ["a.yaml:4:61: spec.memory.reserve.bigg: bigg names no GPU (did you mean big?)"] == told(host)


def test_a_model_name_belongs_to_one_deployment_whatever_its_case() -> None:
    first = reading("a.yaml", "ModelDeployment", "chat", "{model: {path: a.gguf}, aliases: [GPT-4o]}")
    second = reading(
        "b.yaml", "ModelDeployment", "code", '{model: {path: a.gguf}, aliases: ["gpt-4O:latest"]}'
    )
    (found,) = told(first, second)

    assert (
        "b.yaml:4:41: spec.aliases[0]: 'gpt-4O:latest' is already a name of deployment chat (a.yaml:4)"
        in found
    )
