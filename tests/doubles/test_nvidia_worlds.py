"""The real pynvml sees the world that a text file declares."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import nvml
from tests.fakes.gpus import MIB, ImaginaryGpus
from tests.fakes.nvml import NvidiaWorld

World = Callable[..., NvidiaWorld]
GPUS = ("gpu GPU-aaaa 24576 300 NVIDIA GeForce RTX 3090", "gpu GPU-bbbb 12288 200 NVIDIA GeForce RTX 3060")
LOOK = """
import json, sys
from pynvml import *

def text(error):
    return type(error).__name__, str(error)

def tell(what, *arguments, **more):
    try:
        return what(*arguments, **more)
    except NVMLError as error:
        return text(error)

def device(index):
    handle = nvmlDeviceGetHandleByIndex(index)
    memory, split = nvmlDeviceGetMemoryInfo(handle), nvmlDeviceGetMemoryInfo(handle, version=nvmlMemory_v2)
    processes = tell(nvmlDeviceGetComputeRunningProcesses, handle)
    rates = nvmlDeviceGetUtilizationRates(handle)
    return {
        "name": nvmlDeviceGetName(handle),
        "uuid": nvmlDeviceGetUUID(handle),
        "pci": nvmlDeviceGetPciInfo(handle).busId,
        "v1": [memory.total, memory.free, memory.used],
        "v2": [split.total, split.reserved, split.free, split.used],
        "processes": processes if isinstance(processes, tuple) else [[p.pid, p.usedGpuMemory] for p in processes],
        "graphics": len(tell(nvmlDeviceGetGraphicsRunningProcesses, handle)),
        "state": [rates.gpu, nvmlDeviceGetTemperature(handle, NVML_TEMPERATURE_GPU), nvmlDeviceGetPowerUsage(handle)],
        "mig": tell(nvmlDeviceGetMigMode, handle),
        "index": nvmlDeviceGetIndex(nvmlDeviceGetHandleByUUID(nvmlDeviceGetUUID(handle))),
    }

try:
    nvmlInit()
except NVMLError as error:
    print(json.dumps(text(error)))
    sys.exit()
seen = {"driver": nvmlSystemGetDriverVersion(), "count": nvmlDeviceGetCount()}
seen["devices"] = [tell(device, index) for index in range(seen["count"])]
seen["unknown"] = tell(nvmlDeviceGetHandleByUUID, "GPU-none")
nvmlShutdown()
seen["after"] = tell(nvmlDeviceGetCount)
print(json.dumps(seen))
"""


def _look(world: NvidiaWorld) -> Any:
    result = subprocess.run(
        [sys.executable, "-c", LOOK], env=world.env, capture_output=True, text=True, check=True
    )
    return json.loads(result.stdout)


def test_pynvml_sees_devices_memory_and_processes(nvidia_world: World) -> None:
    world = nvidia_world(
        "driver 550.54.14", *GPUS, "used 0 4711 5000", "used 0 4712 1000", "load 0 87 71 310"
    )

    seen = _look(world)

    first, second = seen["devices"]
    assert ("550.54.14", 2) == (seen["driver"], seen["count"])
    assert ("NVIDIA GeForce RTX 3090", "GPU-aaaa", "00000000:01:00.0") == (
        first["name"],
        first["uuid"],
        first["pci"],
    )
    assert [size * MIB for size in (24576, 24576 - 6300, 6300)] == first["v1"]
    assert [size * MIB for size in (24576, 300, 24576 - 6300, 6000)] == first["v2"]
    assert [[4711, 5000 * MIB], [4712, 1000 * MIB]] == first["processes"]
    assert [87, 71, 310_000] == first["state"]
    assert ["NVMLError_NotSupported", "Not Supported"] == first["mig"]
    assert [0, 1] == [first["index"], second["index"]]
    assert [] == second["processes"]
    assert ["NVMLError_NotFound", "Not Found"] == seen["unknown"]
    assert ["NVMLError_Uninitialized", "Uninitialized"] == seen["after"]


def test_a_driver_without_per_process_figures_and_one_that_denies_them(nvidia_world: World) -> None:
    world = nvidia_world("driver 550.54.14", *GPUS, "used 0 4711 -", "denied 1")

    first, second = _look(world)["devices"]

    assert [[4711, None]] == first["processes"]
    assert ["NVMLError_NoPermission", "Insufficient Permissions"] == second["processes"]


def test_a_lost_device_says_so_and_the_others_go_on(nvidia_world: World) -> None:
    world = nvidia_world("driver 550.54.14", *GPUS, "lost 0")

    first, second = _look(world)["devices"]

    assert ["NVMLError_GpuIsLost", "GPU is lost"] == first
    assert "GPU-bbbb" == second["uuid"]


def test_no_driver_is_an_error_at_the_start(nvidia_world: World) -> None:
    assert ["NVMLError_DriverNotLoaded", "Driver Not Loaded"] == _look(nvidia_world(*GPUS))


def test_it_counts_what_real_processes_hold_on_imaginary_gpus(
    nvidia_world: World, imaginary_gpus: Callable[..., ImaginaryGpus]
) -> None:
    imaginary = imaginary_gpus([24576, 12288])
    imaginary.occupy(1, 700)
    world = nvidia_world("driver 550.54.14", *GPUS, f"ledger {imaginary.ledger}")

    assert [[], [[os.getpid(), 700 * MIB]]] == [device["processes"] for device in _look(world)["devices"]]


def test_the_shipped_build_is_of_this_source_and_works(
    nvidia_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "which", lambda _: None)
        world = nvidia_world("driver 550.54.14", *GPUS)

    assert nvml.LIBRARY.prebuilt_hash.read_text().strip() == nvml.LIBRARY.sources_hash()
    assert str(nvml.LIBRARY.prebuilt.parent) == world.env["LD_LIBRARY_PATH"]
    assert 2 == _look(world)["count"]


def test_the_source_stays_small_enough_to_read() -> None:
    assert len(nvml.LIBRARY.sources[0].read_text().splitlines()) <= 200


def test_a_world_without_the_library_is_unaffected(tmp_path: Path) -> None:
    world = NvidiaWorld(tmp_path / "world", {"LD_LIBRARY_PATH": str(tmp_path)})

    assert "NVMLError_LibraryNotFound" == _look(world)[0]
