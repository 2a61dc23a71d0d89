"""What is left of a refused object without its refused fields, so that one pass finds what else is wrong with it.

Only for finding more: a tree with a refused object is never used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from reconciler.spec.kinds import AnyManifest
from reconciler.spec.problems import FieldPath


def remains(
    kind: type[AnyManifest], data: dict[str, Any], refused: Iterable[FieldPath]
) -> AnyManifest | None:
    """The object without `refused`, or None where it does not stand without them."""
    left: Any = data
    for path in refused:
        left = _without(left, _to_list(path))
    try:
        return kind.model_validate(left)
    except ValidationError:
        return None


def _to_list(path: FieldPath) -> FieldPath:
    """A list goes as a whole: its other items keep no place of their own."""
    inside = next((depth for depth, step in enumerate(path) if isinstance(step, int)), len(path))
    return path[:inside]


def _without(node: Any, path: FieldPath) -> Any:
    if not path or not isinstance(node, dict):
        return node
    first, *rest = path
    if not rest:
        return {key: value for key, value in node.items() if key != first}
    return {key: _without(value, tuple(rest)) if key == first else value for key, value in node.items()}
