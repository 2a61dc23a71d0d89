"""Headers are read exactly, and whatever is broken is refused with its place before it costs anything."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import pytest

from reconciler.core.gguf.headers import Header, parse_header
from reconciler.core.gguf.values import PlacedArray, Value, ValueType, decode_array
from reconciler.core.gguf.writing import TensorPlan, encode_header, encode_model
from reconciler.errors import GgufInvalid
from tests.fakes.header_bytes import parse_header_bytes

LLAMA: Mapping[str, Value] = {"general.architecture": "llama"}
HUGE = (1 << 64) - 1


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def one_key(key: str, kind: int, payload: bytes) -> bytes:
    return struct.pack("<4sIQQ", b"GGUF", 3, 0, 1) + text(key) + struct.pack("<I", kind) + payload


def one_tensor(name: str, *, dimensions: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    row = struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, offset)
    return (struct.pack("<4sIQQ", b"GGUF", 3, 1, 0) + text(name) + row).ljust(4096, b"\0")


def refusal(data: bytes, *, file_size: int | None = None) -> str:
    with pytest.raises(GgufInvalid) as caught:
        parse_header_bytes(data, file_size=file_size)
    return str(caught.value)


def test_metadata_and_tensors_come_back_as_they_were_written() -> None:
    metadata: dict[str, Value] = {
        "text": "grüße",
        "whole": 7,
        "large": 1 << 40,
        "negative": -3,
        "fraction": 0.5,
        "flag": True,
        "flags": (True, False),
        "numbers": (1, -2, 3),
        "fractions": (0.25, 2.0),
        "texts": ("a", "", "bc"),
    }
    plan = TensorPlan("blk.0.attn_q.weight", (32, 2), "Q8_0")

    header = parse_header_bytes(encode_model(metadata, {plan: bytes(plan.size)}))

    assert dict(header.metadata) == metadata
    (tensor,) = header.tensors
    assert (tensor.name, tensor.shape, tensor.type, tensor.size) == (plan.name, (32, 2), "Q8_0", 68)
    assert tensor.offset == header.data_offset


def test_version_2_is_read() -> None:
    assert parse_header_bytes(encode_header(LLAMA, [], version=2)).version == 2


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"", "byte 0: the file is empty, expected 'GGUF'"),
        (b"GG", "the file is cut off: byte 0: the magic 'GGUF' needs 4 bytes, but only 2 are left"),
        (b"GGUF\x01\0\0\0", "byte 4: GGUF version 1, expected 2 or 3 (convert the model again"),
        (b"GGUF\x09\0\0\0", "byte 4: GGUF version 9, expected 2 or 3"),
        (
            b"GGUF\0\0\0\x03",
            "byte 4: a big-endian GGUF, expected little-endian (convert it with `gguf-convert-e",
        ),
        (
            b"version https://git-lfs",
            "byte 0: starts with 'vers', expected 'GGUF': perhaps a Git LFS pointer",
        ),
        (b"PK\x03\x04aaaaaaa", "a zip archive or PyTorch checkpoint (name a file in GGUF format)"),
        (b"tjggaaaaaaa", "a GGJT file, the format before GGUF"),
        (b"<!doctype html>", "a web page, not the model behind it"),
        (b"\0" * 64, "perhaps a download that has only begun"),
    ],
)
def test_what_is_no_gguf_is_named(start: bytes, message: str) -> None:
    assert message in refusal(start)


def test_a_truncated_header_is_refused_with_its_offset() -> None:
    whole = encode_header(LLAMA, [TensorPlan("norm", (4,))])
    end = whole.index(b"norm") + 20

    assert refusal(whole[:end]) == (
        f"the file is cut off: byte {end}: the place of norm needs 8 bytes, but only 0 are left (fetch it again)"
    )


def test_every_truncation_is_refused() -> None:
    plan = TensorPlan("a", (4,))
    whole = encode_model({**LLAMA, "list": ("x", "y"), "n": 3}, {plan: bytes(16)})
    used = len(whole) - 16  # the last tensor's padding may be missing

    for end in range(used):
        assert "byte" in refusal(whole[:end])


def test_a_file_that_is_cut_off_in_its_data_is_refused() -> None:
    plan = TensorPlan("output.weight", (64,))
    whole = encode_model(LLAMA, {plan: bytes(256)})

    message = refusal(whole[:-100])

    assert f"the data of output.weight ends at {len(whole)}, but the file at {len(whole) - 100}" in message
    assert message.startswith("the file is cut off: byte ")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (struct.pack("<4sIQQ", b"GGUF", 3, HUGE, 0), f"byte 8: {HUGE} tensors (at most"),
        (struct.pack("<4sIQQ", b"GGUF", 3, 0, HUGE), f"byte 16: {HUGE} metadata keys (at most"),
        (struct.pack("<4sIQQ", b"GGUF", 3, 0, 4000), "4000 metadata keys, but only 0 bytes are left"),
        (struct.pack("<4sIQQ", b"GGUF", 3, 100_000, 0), "100000 tensors, but only 0 bytes are left"),
        (one_key("k", 9, struct.pack("<IQ", 8, HUGE)), f"{HUGE} strings in k, but only 0 bytes"),
        (one_key("k", 9, struct.pack("<IQ", 4, HUGE)), f"{HUGE} entries in k, but only 0 bytes"),
        (one_key("k", 9, struct.pack("<IQQ", 8, 1, HUGE)), "k: the last entry reaches beyond the end"),
        (one_key("k", 9, struct.pack("<IQQQ", 8, 2, HUGE, 1)), "k: entry 1 lies beyond the end of the file"),
        (one_key("k", 9, struct.pack("<IQ", 9, 1)), "k is an array of arrays, which no engine reads"),
        (one_key("k", 9, struct.pack("<IQ", 77, 1)), "k has the value type 77, expected 0 to 12"),
        (one_key("k", 13, b""), "k has the value type 13, expected 0 to 12"),
        (one_key("k", 8, struct.pack("<Q", HUGE)), f"k needs {HUGE} bytes, but only 0 are left"),
        (one_key("k" * 70_000, 4, b"aaaa"), "byte 24: a metadata key has 70000 bytes (at most 65535 are"),
        (
            one_key("general.alignment", 4, struct.pack("<I", 0)),
            "general.alignment is 0, expected a power of",
        ),
        (one_key("general.alignment", 4, struct.pack("<I", 24)), "general.alignment is 24, expected a power"),
        (one_tensor("t", dimensions=(1,) * 5), "t has 5 dimensions (at most 4 are possible)"),
        (one_tensor("t", dimensions=(1 << 40, 1 << 40)), "more numbers than any file holds"),
        (
            one_tensor("t", dimensions=(33,), kind=2),
            "t has rows of 33 numbers, expected a multiple of 32 for Q4_0",
        ),
        (one_tensor("t", dimensions=(8,), offset=7), "the data of t starts at 7, expected a multiple of 32"),
        (one_tensor("t", dimensions=(8,), offset=1 << 63), "fetch it again"),
    ],
)
def test_counts_and_lengths_are_checked_before_they_are_believed(data: bytes, message: str) -> None:
    assert message in refusal(data)


def test_a_key_and_a_tensor_may_appear_only_once() -> None:
    key = text("k") + struct.pack("<II", 4, 1)
    row = text("t") + struct.pack("<IQIQ", 1, 8, 0, 0)

    assert "the key 'k' appears twice" in refusal(struct.pack("<4sIQQ", b"GGUF", 3, 0, 2) + key + key)
    assert "a tensor's name appears twice" in refusal(
        (struct.pack("<4sIQQ", b"GGUF", 3, 2, 0) + row + row).ljust(512, b"\0")
    )


def test_names_must_be_text_but_values_need_not() -> None:
    broken = struct.pack("<Q", 2) + b"\xff\xfe"
    start = struct.pack("<4sIQQ", b"GGUF", 3, 0, 1)

    assert "a metadata key is not UTF-8 text" in refusal(start + broken + struct.pack("<II", 4, 1))
    header = parse_header_bytes(one_key("k", 8, broken))

    assert header.metadata["k"] == "\ufffd\ufffd"


def test_a_type_that_only_a_fork_knows_is_sized_by_its_neighbours() -> None:
    rows = [
        text(name) + struct.pack("<IQIQ", 1, 256, kind, offset)
        for name, kind, offset in (("a", 137, 0), ("b", 0, 4096), ("c", 149, 8192))
    ]
    start = struct.pack("<4sIQQ", b"GGUF", 3, 3, 0) + b"".join(rows)

    header = parse_header_bytes(start, file_size=-(-len(start) // 32) * 32 + 10_000)

    assert [(t.type, t.size) for t in header.tensors] == [
        ("type 137", 4096),
        ("F32", 1024),
        ("type 149", 1808),
    ]


LONG_LISTS: Mapping[str, Value] = {
    "general.architecture": "llama",
    "tokens": tuple("é" * (n % 7) + "long " * (20 if n % 1500 == 3 else 0) for n in range(5000)),
    "types": tuple(range(5000)),
    "few": ("x",) * 1024,
    "wide": ("y" * 2000,) * 1000,
    "text": "z" * 2_000_000,
    "after": 42,
}


def long_lists() -> tuple[bytes, Header]:
    data = encode_header(LONG_LISTS, [TensorPlan("t", (8,))])
    return data, parse_header_bytes(data, file_size=len(data) + 32)


def test_long_lists_are_stepped_over_and_decoded_on_demand() -> None:
    data, header = long_lists()

    assert header.placed.keys() == {"tokens", "types", "wide", "text"}
    assert header.metadata["after"] == 42
    assert header.metadata["few"] == ("x",) * 1024
    for key in ("tokens", "types", "wide"):
        assert decode_array(data, header.placed[key]) == LONG_LISTS[key]
    assert header.placed["text"] == PlacedArray(
        ValueType.UINT8, 2_000_000, header.placed["text"].offset, 2_000_000
    )


@pytest.mark.parametrize("step", [1, 7, 1000, 65_536])
def test_a_header_that_arrives_in_pieces_reads_the_same(step: int) -> None:
    data, whole = long_lists()
    asked: list[int] = []

    def grow(size: int) -> bytes:
        asked.append(size)
        return data[: size + step]

    if step == 1:
        data = encode_header(LLAMA, [TensorPlan("t", (8,))])
        whole = parse_header_bytes(data, file_size=len(data) + 32)

    assert parse_header(grow, file_size=len(data) + 32) == whole
    assert asked == sorted(asked)


def test_a_file_that_shrinks_while_it_is_read_is_refused() -> None:
    data = encode_header(LONG_LISTS, [])

    with pytest.raises(GgufInvalid, match="the file became shorter while tokens was read"):
        parse_header(lambda _: data[:1000], file_size=len(data))
