"""Model files on a real disk: whatever a path names, the answer is facts or one sentence, and never a wait."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.core.gguf.values import Value
from reconciler.core.gguf.writing import TensorPlan, encode_header, encode_model
from reconciler.core.tinymodels.kinds import build
from reconciler.errors import GgufInvalid
from reconciler.host import models
from reconciler.host.identities import file_identity
from tests.fakes.giants import LARGE_FILE_SIZE, large_header


def refusal(path: Path) -> str:
    with pytest.raises(GgufInvalid) as caught:
        models.read_facts(path)
    return str(caught.value)


def write_shards(folder: Path, count: int = 3, **first: Value) -> list[Path]:
    paths = []
    for number in range(count):
        plan = TensorPlan(f"blk.{number}.attn_q.weight", (32, 32), "F16")
        keys: dict[str, Value] = {"split.count": count, "split.no": number, "split.tensors.count": count}
        if number == 0:
            keys |= {"general.architecture": "llama", "llama.block_count": count, **first}
        paths.append(folder / f"big-{number + 1:05}-of-{count:05}.gguf")
        paths[-1].write_bytes(encode_model(keys, {plan: bytes(plan.size)}))
    return paths


def test_a_written_model_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"

    models.write_model(path, build("chat"))

    assert models.read_facts(path).name == "tiny-chat"
    assert list(tmp_path.iterdir()) == [path]


def test_a_model_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    occupied = tmp_path / "tiny.gguf"
    occupied.mkdir()

    with pytest.raises(OSError, match=r"tiny\.gguf"):
        models.write_model(occupied, b"GGUF")

    assert list(tmp_path.iterdir()) == [occupied]


def test_a_file_is_known_by_inode_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    models.write_model(path, build("chat"))
    before = file_identity(path)

    models.write_model(path, build("chat", seed=1))

    assert before != file_identity(path)


def test_the_name_of_a_file_plays_no_part(tmp_path: Path) -> None:
    """Hugging Face's cache keeps models as blobs without a suffix, behind links that have one."""
    blob = tmp_path / "8c2e4a"
    blob.write_bytes(build("lora"))
    link = tmp_path / "lora.gguf"
    link.symlink_to(blob)

    assert models.read_facts(link).adapter_type == "lora"


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.gguf"
    path.touch()

    assert refusal(path) == f"{path}: byte 0: the file is empty, expected 'GGUF'"


def test_a_directory_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: a directory, expected a GGUF file"


@pytest.mark.timeout(10)
def test_a_fifo_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "fifo.gguf"
    os.mkfifo(path)

    assert refusal(path) == f"{path}: no regular file, expected a GGUF file"


def test_a_device_is_refused() -> None:
    assert "no regular file" in refusal(Path("/dev/zero"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing.gguf"

    assert refusal(path) == f"Cannot read {path}: No such file or directory"


def test_a_dangling_or_circular_link_is_a_sentence(tmp_path: Path) -> None:
    loop = tmp_path / "loop.gguf"
    loop.symlink_to(loop)

    assert refusal(loop) == f"Cannot read {loop}: Too many levels of symbolic links"


def test_a_large_header_is_read_in_steps(tmp_path: Path) -> None:
    path = tmp_path / "large.gguf"
    path.write_bytes(large_header())
    os.truncate(path, LARGE_FILE_SIZE)

    assert models.read_facts(path).vocabulary == 151_936


def test_a_header_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.gguf"
    path.write_bytes(large_header())
    os.truncate(path, LARGE_FILE_SIZE)

    with pytest.raises(GgufInvalid, match="the header is larger than 2097152 bytes"):
        models.read_facts(path, limit=2 << 20)


def test_a_hole_that_claims_a_vocabulary_of_terabytes_is_refused_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "hole.gguf"
    header = encode_header({"general.architecture": "llama", "tokens": ("x",) * 4}, [])
    count_at = header.index(b"tokens") + 6 + 8
    forged = header[:count_at] + (1 << 36).to_bytes(8, "little") + header[count_at + 8 :]
    path.write_bytes(forged)
    os.truncate(path, 1 << 40)

    with pytest.raises(GgufInvalid, match="the header is larger than 4194304 bytes"):
        models.read_facts(path, limit=4 << 20)


def test_shards_are_gathered(tmp_path: Path) -> None:
    shards = write_shards(tmp_path)

    facts = models.read_facts(shards[0])

    assert len(facts.tensors) == 3
    assert facts.layer_bytes == (2048,) * 3
    assert facts.file_size == sum(shard.stat().st_size for shard in shards)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    shards = write_shards(tmp_path)
    shards[1].unlink()

    assert refusal(shards[0]) == (
        f"{shards[0]}: 1 of 3 shards are missing: big-00002-of-00003.gguf (put them beside the first shard)"
    )


def test_a_later_shard_points_to_the_first(tmp_path: Path) -> None:
    shards = write_shards(tmp_path)

    assert refusal(shards[2]) == (
        f"{shards[2]}: shard 3 of 3, expected the first (name big-00001-of-00003.gguf)"
    )


def test_shards_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    shards = write_shards(tmp_path)
    shards[1].write_bytes(shards[2].read_bytes())

    assert refusal(shards[0]) == f"{shards[1]}: split.no is 2, expected 1"


def test_a_broken_shard_is_the_one_that_is_named(tmp_path: Path) -> None:
    shards = write_shards(tmp_path)
    os.truncate(shards[2], 100)

    assert refusal(shards[0]).startswith(f"{shards[2]}: the file is cut off: byte ")


def test_a_renamed_shard_is_refused(tmp_path: Path) -> None:
    renamed = write_shards(tmp_path)[0].rename(tmp_path / "model.gguf")

    assert "its name does not end in -00001-of-00003.gguf" in refusal(renamed)
