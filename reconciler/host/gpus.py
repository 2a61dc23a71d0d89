"""The GPUs of this machine as the driver lists them, in the order of nvidia-smi. No CUDA context is ever made."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

AMD_COMPUTE = Path("/dev/kfd")
NVIDIA_DEVICE = Path("/dev/nvidia0")


@dataclass(frozen=True, slots=True)
class Gpu:
    """`name` is gpu0, gpu1, ..."""

    name: str
    uuid: str


@dataclass(frozen=True, slots=True)
class GpuList:
    """What the driver answers. With a `trouble` the list is not to be trusted: there may be more GPUs."""

    gpus: tuple[Gpu, ...] = ()
    trouble: str = ""

    @property
    def any(self) -> bool:
        return bool(self.gpus or self.trouble) or AMD_COMPUTE.exists() or NVIDIA_DEVICE.exists()


def list_gpus() -> GpuList:
    """NVIDIA's GPUs; an empty list where there is no driver."""
    import pynvml

    try:
        with _driver():
            return _listed(pynvml.nvmlDeviceGetCount())
    except pynvml.NVMLError_LibraryNotFound:
        return GpuList()
    except pynvml.NVMLError as error:
        return GpuList(trouble=f"the NVIDIA driver does not answer: {error}")


@contextlib.contextmanager
def _driver() -> Iterator[None]:
    import pynvml

    pynvml.nvmlInit()
    try:
        yield
    finally:
        pynvml.nvmlShutdown()


def _listed(count: int) -> GpuList:
    """One that has fallen off the bus keeps its number, and the others their names."""
    import pynvml

    found, trouble = [], ""
    for name, index in ((f"gpu{index}", index) for index in range(count)):
        try:
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            found.append(Gpu(name, str(pynvml.nvmlDeviceGetUUID(handle))))
        except pynvml.NVMLError as error:
            trouble = trouble or f"the NVIDIA driver says of {name}: {error}"
    return GpuList(tuple(found), trouble)
