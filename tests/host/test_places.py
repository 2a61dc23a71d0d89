from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.errors import PathRefused
from reconciler.host.places import LONGEST_SOCKET_NAME, LONGEST_SOCKET_PATH, make_places, places


@pytest.fixture
def short() -> Iterator[Path]:
    """Paths of sockets are short, and pytest's folders are not."""
    folder = Path(tempfile.mkdtemp(prefix="rt-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def environment(tmp_path: Path, runtime: Path) -> dict[str, str]:
    return {
        "HOME": str(tmp_path),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_RUNTIME_DIR": str(runtime),
    }


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_three_places_of_an_owner_are_private(tmp_path: Path, short: Path) -> None:
    made = make_places("workstation", environment(tmp_path, short))

    assert made.data == tmp_path / "data/reconciler/workstation"
    assert made.state == tmp_path / "state/reconciler/workstation"
    assert made.runtime == short / "reconciler/workstation"
    assert {mode(path) for path in (made.data, made.state, made.runtime, made.logs, made.engine_home)} == {
        0o700
    }


def test_without_xdg_variables_they_lie_under_home(tmp_path: Path) -> None:
    found = places("default", {"HOME": str(tmp_path), "XDG_STATE_HOME": "relative"}, run=tmp_path / "no-run")

    assert found.data == tmp_path / ".local/share/reconciler/default"
    assert found.state == tmp_path / ".local/state/reconciler/default"


def test_making_them_again_keeps_what_they_hold(tmp_path: Path, short: Path) -> None:
    made = make_places("default", environment(tmp_path, short))
    (made.data / "set.yaml").write_text("x")

    assert make_places("default", environment(tmp_path, short)) == made
    assert (made.data / "set.yaml").read_text() == "x"


def test_b2_16_the_fallback_for_sockets_is_private_and_named_for_the_user(
    tmp_path: Path, short: Path
) -> None:
    made = make_places("default", {"HOME": str(tmp_path), "TMPDIR": str(short)}, run=short / "no-run")

    assert made.runtime == short / f"reconciler-{os.getuid()}" / "default"
    assert mode(made.runtime.parent) == 0o700


def test_b2_16_a_link_that_someone_put_there_is_refused(tmp_path: Path, short: Path) -> None:
    (short / f"reconciler-{os.getuid()}").symlink_to(tmp_path)

    with pytest.raises(PathRefused, match="someone else may have put it there"):
        make_places("default", {"HOME": str(tmp_path), "TMPDIR": str(short)}, run=short / "no-run")


def test_b2_16_a_directory_of_another_user_is_refused(
    tmp_path: Path, short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (short / "reconciler-54321").mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: 54321)

    with pytest.raises(PathRefused, match="not a directory of this user"):
        make_places("default", {"HOME": str(tmp_path), "TMPDIR": str(short)}, run=short / "no-run")


def test_b2_16_a_directory_that_others_may_write_to_is_refused(tmp_path: Path, short: Path) -> None:
    open_to_all = tmp_path / "state/reconciler"
    open_to_all.mkdir(parents=True)
    open_to_all.chmod(0o777)

    with pytest.raises(PathRefused, match=r"others may write to .* chmod 700"):
        make_places("default", environment(tmp_path, short))


def test_a_directory_that_others_may_only_read_is_closed(tmp_path: Path, short: Path) -> None:
    readable = tmp_path / "state/reconciler"
    readable.mkdir(parents=True, mode=0o755)
    readable.chmod(0o755)

    make_places("default", environment(tmp_path, short))

    assert mode(readable) == 0o700


def test_sockets_get_a_shorter_place_where_the_session_s_is_too_long(tmp_path: Path, short: Path) -> None:
    long = short / ("x" * 80)
    long.mkdir(mode=0o700)

    found = places("default", environment(tmp_path, long), run=short)

    assert found.runtime == short / "reconciler/default"
    assert len(f"{found.runtime}{LONGEST_SOCKET_NAME}") <= LONGEST_SOCKET_PATH


def test_no_place_that_is_short_enough_is_said_with_the_way_out(tmp_path: Path) -> None:
    long = "/tmp/" + "x" * 90

    with pytest.raises(PathRefused, match="set XDG_RUNTIME_DIR"):
        places("default", {"HOME": str(tmp_path), "TMPDIR": long}, run=Path("/nonexistent"))


@pytest.mark.parametrize("owner", ["", "../x", "a/b", "Upper", ".", "-x", "x" * 64])
def test_an_owner_that_is_no_name_is_refused(owner: str) -> None:
    with pytest.raises(PathRefused, match="cannot name an owner"):
        places(owner, {"HOME": "/home/x"})
