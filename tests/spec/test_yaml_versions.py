"""Tools that read YAML 1.1 must see in every file of ours what we see in it as YAML 1.2."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.spec.documents import read_documents
from reconciler.spec.yaml_scalars import old_meaning, resolve
from tests.budgets import examples

ROOT = Path(__file__).parents[2]
FOLDERS = (ROOT / "examples", ROOT / "manifests", Path(__file__).parent / "good")
FILES = sorted(path for folder in FOLDERS for path in folder.rglob("*.yaml"))


def as_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_lists(one) for key, one in value.items()}
    return [as_lists(one) for one in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_file_holds_the_same_data_in_both_versions_of_yaml(path: Path) -> None:
    text = read_documents(path.name, path.read_bytes())
    old = [one for one in yaml.safe_load_all(path.read_text()) if one is not None]

    assert text.problems == []
    assert len(text.documents) > 0
    assert old == [as_lists(one.data) for one in text.documents]


@examples(600)
@given(st.from_regex(r"[-+]?[0-9.:_xob~=<eEa-fyYnNoOtTrRuUsS]{1,8}|[-+]?0[0-7_.]{1,5}", fullmatch=True))
def test_a_plain_scalar_that_the_versions_read_differently_never_passes_silently(text: str) -> None:
    """PyYAML is the 1.1 reader that people have; what it leaves open of 1.1 we may warn about besides."""
    try:
        old = yaml.safe_load(f"- {text}\n")[0]
    except (yaml.YAMLError, ValueError):
        return
    if isinstance(old, (dict, list)):
        return
    new = read_documents("a", f"- {text}\n".encode())
    value = new.documents[0].data[0] if new.documents else resolve(text)

    assert new.problems or (type(old), old) == (type(value), value), old_meaning(text)
