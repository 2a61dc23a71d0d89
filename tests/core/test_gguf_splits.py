"""Shards find each other by name, and their headers become one."""

from __future__ import annotations

import pytest

from reconciler.core.gguf.headers import Header
from reconciler.core.gguf.splits import first_shard, joined, shard_count, shard_names, shard_number
from reconciler.core.gguf.values import Value
from reconciler.core.gguf.writing import TensorPlan, encode_header
from reconciler.errors import GgufInvalid
from tests.fakes.header_bytes import parse_header_bytes


def header(metadata: dict[str, Value], *tensors: str) -> Header:
    data = encode_header(metadata, [TensorPlan(name, (8,)) for name in tensors])
    return parse_header_bytes(data, file_size=len(data) + 32 * len(tensors))


def test_the_names_of_all_shards_follow_from_one() -> None:
    expected = ("big-00001-of-00003.gguf", "big-00002-of-00003.gguf", "big-00003-of-00003.gguf")

    assert shard_names("big-00001-of-00003.gguf", 3) == expected
    assert shard_names("big-00002-of-00003.gguf", 3) == expected


def test_the_first_shard_of_another_is_named() -> None:
    assert first_shard("m-00002-of-00003.gguf") == "m-00001-of-00003.gguf"
    assert first_shard("m-00001-of-00003.gguf") is None
    assert first_shard("m.gguf") is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.gguf", "its name does not end in -00001-of-00003.gguf"),
        ("m-00001-of-00002.gguf", "the name speaks of 2 shards, the header of 3"),
    ],
)
def test_a_name_that_does_not_fit_is_refused(name: str, message: str) -> None:
    with pytest.raises(GgufInvalid, match=message):
        shard_names(name, 3)


def test_a_model_that_is_not_split_is_one_shard() -> None:
    whole = header({"general.architecture": "llama"})

    assert (shard_count(whole), shard_number(whole)) == (1, 0)


def test_the_headers_of_shards_become_one() -> None:
    first = header({"general.architecture": "llama", "split.count": 2, "split.tensors.count": 3}, "a")
    second = header({"split.count": 2, "split.no": 1}, "b", "c")

    whole = joined([first, second])

    assert [tensor.name for tensor in whole.tensors] == ["a", "b", "c"]
    assert whole.file_size == first.file_size + second.file_size
    assert whole.metadata == first.metadata


def test_lost_tensors_are_noticed() -> None:
    first = header({"split.count": 1, "split.tensors.count": 3}, "a")

    with pytest.raises(GgufInvalid, match="the shards hold 1 tensors, expected 3"):
        joined([first])


def test_an_absurd_number_of_shards_is_refused() -> None:
    with pytest.raises(GgufInvalid, match=r"split\.count is 100000"):
        shard_count(header({"split.count": 100_000}))
