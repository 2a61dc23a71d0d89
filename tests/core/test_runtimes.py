from __future__ import annotations

import pytest

from reconciler.core.runtimes import Device, RuntimeRecord, parse_devices, parse_version

MIB = 1 << 20


def test_devices_are_read_with_their_memory() -> None:
    text = """\
load_backend: loaded CUDA backend
Available devices:
  CUDA0: NVIDIA GeForce RTX 4090 (24081 MiB, 23600 MiB free)
  FAKE1: Fake GPU (2) (1000 MiB, 900 MiB free)
"""

    assert parse_devices(text) == (
        Device("CUDA0", "NVIDIA GeForce RTX 4090", 24081 * MIB, 23600 * MIB),
        Device("FAKE1", "Fake GPU (2)", 1000 * MIB, 900 * MIB),
    )


def test_a_build_without_devices_has_none() -> None:
    assert parse_devices("Available devices:\n  (none)\n") == ()


def test_what_is_no_list_of_devices_is_not_an_empty_one() -> None:
    assert parse_devices("error: invalid argument: --list-devices\n") is None


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (
            "version: 0.6.0-dev (build 0, commit unknown)\nbuilt with GNU\n",
            "0.6.0-dev (build 0, commit unknown)",
        ),
        ("\nggml_cuda_init: found 1 device\nversion: 5000 (abc)\n", "5000 (abc)"),
        ("llamafile v0.9.3\nmore\n", "llamafile v0.9.3"),
        ("", ""),
    ],
)
def test_the_version_is_one_line(text: str, version: str) -> None:
    assert parse_version(text) == version


def test_a_record_without_a_reason_is_usable() -> None:
    assert RuntimeRecord(name="x", kind="embedded", source="embedded").usable
    assert not RuntimeRecord(name="x", kind="embedded", source="embedded", reason="RuntimeMissing").usable
