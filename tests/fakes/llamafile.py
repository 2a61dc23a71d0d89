"""A file that starts like a real llamafile and is one inside: the kernel refuses it, a shell runs it."""

from __future__ import annotations

import shlex
from pathlib import Path

# The first bytes of an Actually Portable Executable: no ELF and no `#!`, so execve says ENOEXEC; to a shell they
# assign a variable whose value ends with the quote two lines below.
TEXT = """\
MZqFpD='
BOOT
'
server=
for word in "$@"; do
  shift
  case $word in
    --server) server=1 ;;
    --nobrowser|--unsecure|--recompile) ;;  # llamafile's own, unknown to llama-server
    *) set -- "$@" "$word" ;;
  esac
done
if [ -z "$server" ]; then
  echo "llamafile: this would start a chat on the terminal; pass --server" >&2
  exit 2
fi
exec {server} "$@"
"""


def write_llamafile(path: Path, llama_server: Path) -> Path:
    """`path`, executable, standing for a llamafile without weights of its own."""
    path.write_text(TEXT.replace("{server}", shlex.quote(str(llama_server))))
    path.chmod(0o755)
    return path
