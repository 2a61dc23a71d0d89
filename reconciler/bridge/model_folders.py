"""Where model files lie: one directory for the Host, and paths below it for the deployments."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

#: A shorter common path, such as /home, would open too much.
_LEAST_DEPTH = 2


def model_paths(spec: dict[str, Any]) -> Iterator[str]:
    """Every file below spec.model."""
    return (part["path"] for part in _parts(spec))


def change_paths(spec: dict[str, Any], change: Callable[[str], str]) -> None:
    for part in _parts(spec):
        part["path"] = change(part["path"])


def _parts(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    model = spec.get("model", {})
    parts = (model, model.get("mmproj", {}), model.get("draft", {}), *model.get("loras", ()))
    return (part for part in parts if "path" in part)


def common_folder(paths: Sequence[str]) -> str:
    """The deepest directory above all absolute paths, or the one that holds most of them; empty without any."""
    folders = [posixpath.dirname(path) for path in paths if path.startswith("/")]
    if not folders:
        return ""
    common = posixpath.commonpath(folders)
    if len(common.strip("/").split("/")) >= _LEAST_DEPTH or len(set(folders)) == 1:
        return common
    return max(Counter(folders).items(), key=lambda item: (item[1], item[0]))[0]


def below(folder: str, path: str) -> str:
    """The path from the folder where it lies below it, else as it is."""
    inside = folder and path.startswith(f"{folder.rstrip('/')}/")
    return posixpath.relpath(path, folder) if inside else path
