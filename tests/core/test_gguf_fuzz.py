"""100,000 broken headers, in a soak a million: read or refused, none crashes, hangs or costs more than it weighs."""

from __future__ import annotations

import random
import struct

import pytest

from reconciler.core.gguf.facts import model_facts
from reconciler.core.gguf.splits import shard_count, shard_number
from reconciler.core.gguf.values import Value
from reconciler.core.gguf.writing import TensorPlan, encode_header
from reconciler.errors import GgufInvalid
from tests.fakes.header_bytes import parse_header_bytes

SMALL: dict[str, Value] = {
    "general.architecture": "llama",
    "general.name": "small",
    "general.file_type": 15,
    "general.alignment": 32,
    "llama.block_count": 2,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": (2, 1),
    "llama.rope.freq_base": 10_000.0,
    "llama.pooling_type": 1,
    "split.count": 1,
    "tokenizer.ggml.tokens": ("a", "b", "<think>"),
    "tokenizer.ggml.add_bos_token": False,
    "tokenizer.chat_template": "{% if tools %}{{ tools | tojson }}{% endif %}",
}
PLANS = (
    TensorPlan("token_embd.weight", (32, 3), "F16"),
    TensorPlan("blk.0.attn_q.weight", (256, 2), "Q4_K"),
    TensorPlan("blk.1.ffn_down_exps.weight", (32, 2, 2), "Q8_0"),
)
HEADER = encode_header(SMALL, PLANS)
FILE_SIZE = len(HEADER) + 1024
EXTREMES = (0, 1, 2, 9, 255, 1 << 15, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 40, (1 << 63) - 1, 1 << 63)


def flipped(header: bytearray, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 4)):
        header[dice.randrange(len(header))] ^= 1 << dice.randrange(8)


def cut(header: bytearray, dice: random.Random) -> None:
    del header[dice.randrange(len(header)) :]


def stretched(header: bytearray, dice: random.Random) -> None:
    """Some eight bytes become a number that a length, count, type or offset should not be."""
    number = dice.choice(EXTREMES) + dice.randint(-1, 1)
    at = dice.randrange(4, len(header) - 8)
    header[at : at + 8] = struct.pack("<Q", number & ((1 << 64) - 1))


def stretched_half(header: bytearray, dice: random.Random) -> None:
    at = dice.randrange(4, len(header) - 4)
    header[at : at + 4] = struct.pack("<I", dice.choice(EXTREMES) & 0xFFFFFFFF)


def shuffled(header: bytearray, dice: random.Random) -> None:
    """A piece appears again somewhere else."""
    start, target = dice.randrange(len(header)), dice.randrange(len(header))
    piece = header[start : start + dice.randint(1, 40)]
    header[target : target + len(piece)] = piece


MUTATIONS = (flipped, cut, stretched, stretched_half, shuffled)


def read(data: bytes) -> bool:
    try:
        header = parse_header_bytes(data, file_size=len(data) if len(data) < len(HEADER) else FILE_SIZE)
        shard_count(header), shard_number(header)
        model_facts(header)
    except GgufInvalid:
        return False
    return True


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(4, 40))]
)
def test_mutated_headers_are_read_or_refused(seed: int) -> None:
    dice = random.Random(seed)
    accepted = 0
    for _ in range(25_000):
        header = bytearray(HEADER)
        dice.choice(MUTATIONS)(header, dice)
        accepted += read(bytes(header))

    assert read(HEADER)
    assert 1_000 < accepted < 24_000  # both paths were walked


def end_of_strings(data: bytes | bytearray, offset: int, count: int) -> int:
    for _ in range(count):
        offset += 8 + struct.unpack_from("<Q", data, offset)[0]
    return offset


def test_long_lists_end_where_a_plain_walk_ends() -> None:
    """The fast way over strings against the obvious one, with lengths of all sizes and lengths broken."""
    dice = random.Random(7)
    whole = 0
    for _ in range(300):
        longest = dice.choice((3, 47, 48, 200))
        texts = tuple("x" * dice.randrange(longest + 1) for _ in range(dice.choice((1025, 2048, 3001))))
        header = bytearray(encode_header({"general.architecture": "llama", "texts": texts}, []))
        if dice.random() < 0.5:
            stretched(header, dice)
        try:
            placed = parse_header_bytes(bytes(header)).placed["texts"]
        except (GgufInvalid, KeyError):
            continue
        whole += 1

        assert placed.offset + placed.size == end_of_strings(header, placed.offset, placed.count)
    assert whole > 100
