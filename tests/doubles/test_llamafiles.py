"""The test llamafile behaves as a real one to the kernel, to a shell and to its options."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

import pytest

from tests.fakes.engines import serving
from tests.fakes.llamafile import write_llamafile


@pytest.fixture
def llamafile(tmp_path: Path, llama_server: Path) -> Path:
    return write_llamafile(tmp_path / "tiny model.llamafile", llama_server)


def test_the_kernel_refuses_it(llamafile: Path) -> None:
    with pytest.raises(OSError, match="Exec format") as refusal:
        subprocess.run([llamafile, "--version"], check=False)

    assert errno.ENOEXEC == refusal.value.errno
    assert llamafile.read_bytes().startswith(b"MZqFpD='")


def test_without_server_it_would_chat(llamafile: Path) -> None:
    result = subprocess.run(["/bin/sh", llamafile, "-m", "x"], capture_output=True, text=True, check=False)

    assert 2 == result.returncode
    assert "--server" in result.stderr


def test_under_a_shell_it_becomes_the_engine(llamafile: Path, tiny_chat: Path, tmp_path: Path) -> None:
    options = ("-m", str(tiny_chat), "--alias", "two words", "--server", "--nobrowser")

    with serving(["/bin/sh", llamafile], *options, log=tmp_path / "log") as engine:
        assert "two words" == engine.ask("/v1/models").body["data"][0]["id"]
        assert "llama-server" == Path(f"/proc/{engine.process.pid}/exe").resolve().name
        assert 0 == engine.stop()
