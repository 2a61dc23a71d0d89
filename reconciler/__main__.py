"""`python -m reconciler` and the console script."""

from __future__ import annotations

import sys


def main() -> int:
    try:
        # Inside, so that Ctrl-C during the import is as quiet as later.
        from reconciler.cli.failures import told
        from reconciler.cli.starting import start

        return told(start, sys.argv[1:])
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
