"""Row B1.10: no file of the repository holds something that looks like a credential."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SHAPES = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{16}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "an OpenAI or Anthropic key": r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "an AWS key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a Google key": r"\bAIza[0-9A-Za-z_-]{35}\b",
    "a Slack token": r"\bxox[abprs]-[A-Za-z0-9-]{20,}",
    "a JSON Web Token": r"\beyJ[A-Za-z0-9_-]{15,}\.eyJ[A-Za-z0-9_-]{15,}\.[A-Za-z0-9_-]{15,}",
    "credentials in an address": r"\bhttps?://[^\s/:@\"'<>{}$]{2,}:[^\s/@\"'<>{}$]{6,}@",
}
#: Each would be a credential if it were anybody's; split, so that this file is clean itself.
REAL_LOOKING = {
    "a private key": "-----BEGIN RSA PRIVATE" + " KEY-----\nMIIEowIBAAKCAQEA",
    "a Hugging Face token": "hf_" + "aB3" * 12,
    "an OpenAI or Anthropic key": "sk-ant-" + "aB3-" * 10,
    "a GitHub token": "ghp_" + "aB3" * 12,
    "a GitLab token": "glpat-" + "aB3" * 7,
    "an AWS key": "AKIA" + "AB34" * 4,
    "a Google key": "AIza" + "aB3-x" * 7,
    "a Slack token": "xoxb-" + "aB3" * 8,
    "a JSON Web Token": ".".join(("eyJ" + "aB3" * 6, "eyJ" + "aB3" * 6, "aB3" * 6)),
    "credentials in an address": "https://user:" + "correct-horse" + "@example.invalid/",
}


def tracked() -> list[Path]:
    """What git has, and what it would take."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    return [path for name in names if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("what", SHAPES)
def test_the_search_would_find_it(what: str) -> None:
    assert re.search(SHAPES[what], REAL_LOOKING[what])


def test_b1_10_no_file_holds_a_credential() -> None:
    shapes = {what: re.compile(pattern.encode()) for what, pattern in SHAPES.items()}
    files = tracked()

    found = [
        f"{path.relative_to(ROOT)} holds {what}"
        for path in files
        for content in [path.read_bytes()]
        for what, shape in shapes.items()
        if shape.search(content)
    ]

    assert len(files) > 100
    assert [] == found


def test_b1_10_no_file_is_named_like_a_secret() -> None:
    names = re.compile(
        r"(^|/)(\.env(\..*)?|id_(rsa|ed25519|ecdsa)|.*\.(pem|p12|pfx|key|kdbx)|\.netrc|\.npmrc|\.pypirc)$"
    )

    found = [str(path.relative_to(ROOT)) for path in tracked() if names.search(str(path.relative_to(ROOT)))]

    assert [] == found
