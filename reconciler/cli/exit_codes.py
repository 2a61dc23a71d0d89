"""What each exit code means to a script. Part of the contract: a number never changes its meaning."""

from __future__ import annotations

DONE = 0
FAILED = 1
MANIFESTS_INVALID = 3
COMMAND_LINE_WRONG = 64
INTERRUPTED = 130

MEANINGS = {
    DONE: "done",
    FAILED: "failed; the reason is on stderr",
    2: "changes are pending (only with --detailed-exitcode)",
    MANIFESTS_INVALID: "a manifest is invalid",
    4: "it can never fit into the memory of this machine",
    5: "applied, but not Ready in time, or reverted",
    6: "no controller is running, or another one holds the lock",
    COMMAND_LINE_WRONG: "the command line is wrong",
    INTERRUPTED: "interrupted by Ctrl-C",
}
