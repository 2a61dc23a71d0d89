"""One file per verb. A verb imports what it needs when it runs, so that `--help` answers at once."""
