"""Our reader, writer and tables against the reference: the Python package of llama.cpp."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import pytest

from reconciler.core.gguf.headers import Header
from reconciler.core.gguf.tensor_types import FILE_TYPES, TENSOR_TYPES
from reconciler.core.gguf.values import Scalar, decode_array
from reconciler.core.tinymodels.kinds import Kind, build
from tests.fakes.giants import GIANTS, write_giant
from tests.fakes.header_bytes import parse_header_bytes

HEADER_SIZE = 4 << 20


def ours(path: Path) -> tuple[bytes, Header]:
    with path.open("rb") as file:
        start = file.read(HEADER_SIZE)
    return start, parse_header_bytes(start, file_size=path.stat().st_size)


def assert_same(path: Path) -> None:
    data, header = ours(path)
    reference = gguf.GGUFReader(path)

    def plain(value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    expected = {k: plain(f.contents()) for k, f in reference.fields.items() if not k.startswith("GGUF.")}
    arrays: dict[str, tuple[Scalar, ...]] = {
        k: decode_array(data, array) for k, array in header.placed.items()
    }

    assert expected == {**header.metadata, **arrays}
    assert [
        (t.name, tuple(map(int, t.shape)), t.tensor_type.name, int(t.data_offset), int(t.n_bytes))
        for t in reference.tensors
    ] == [(t.name, t.shape, t.type, t.offset, t.size) for t in header.tensors]


@pytest.mark.parametrize("kind", Kind)
def test_tiny_models_read_as_in_the_reference(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(build(kind))

    assert_same(path)


@pytest.mark.parametrize("name", GIANTS)
def test_giants_read_as_in_the_reference(name: str, tmp_path: Path) -> None:
    path = tmp_path / "giant.gguf"
    write_giant(path, name)

    assert_same(path)
    assert path.stat().st_blocks * 512 < 1 << 20


def test_every_type_of_value_of_the_reference_writer_is_read(tmp_path: Path) -> None:
    path = tmp_path / "values.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_uint8("u8", 200)
    writer.add_int8("i8", -100)
    writer.add_uint16("u16", 60_000)
    writer.add_int16("i16", -30_000)
    writer.add_uint32("u32", 4_000_000_000)
    writer.add_int32("i32", -2_000_000_000)
    writer.add_float32("f32", 0.1)
    writer.add_uint64("u64", 1 << 63)
    writer.add_int64("i64", -(1 << 62))
    writer.add_float64("f64", 0.1)
    writer.add_bool("yes", val=True)
    writer.add_string("text", "grüße")
    writer.add_array("bytes", b"abc")
    writer.add_array("numbers", [1, -2])
    writer.add_array("fractions", [0.5, 0.25])
    writer.add_array("texts", ["a", "", "ß"])
    writer.add_array("flags", [True, False])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    assert_same(path)


def test_block_sizes_are_those_of_the_reference() -> None:
    reference = {
        kind.value: (kind.name, block, size)
        for kind, (block, size) in gguf.GGML_QUANT_SIZES.items()
        if kind is not gguf.GGMLQuantizationType.Q8_1  # the package says 40 bytes, ggml itself 36
    }

    assert reference == {
        code: (known.name, known.block, known.block_bytes)
        for code, known in TENSOR_TYPES.items()
        if code in reference
    }
    assert TENSOR_TYPES.keys() - reference.keys() == {9, 42}


def test_names_of_mixtures_are_those_of_the_reference() -> None:
    reference = {
        kind.value: kind.name.removeprefix("MOSTLY_").removeprefix("ALL_")
        for kind in gguf.LlamaFileType
        if kind is not gguf.LlamaFileType.GUESSED
    }

    assert reference | {41: "Q2_0"} == FILE_TYPES  # the engine knows one more
