"""Names that are refused before any table is asked, and words that make an unknown name dangerous.

Secrets, options of other llama.cpp programs, options that never existed, options that came and went.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_SECRET_ENDINGS = ("apikey", "secret", "password", "passphrase", "secretkey")
_SECRET_NAMES = frozenset({"hft", "token", "key"})


def is_secret(key: str) -> bool:
    """Whether a name asks for a secret, however it is spelled: hf-token, hfToken, HF_TOKEN, openai_api_key."""
    folded = re.sub(r"[^a-z0-9]", "", key.lower())
    return folded in _SECRET_NAMES or folded.endswith((*_SECRET_ENDINGS, "token"))


_CHAT_PROGRAM = "it belongs to the interactive llama-cli, a server has no such option"
_STORED_PROMPT = "it belongs to llama-cli; a server keeps prompts in RAM"
_PROMPT_HOME = "put it into the request, or into spec.request.defaults"
_CACHE_HOME = "use spec.context.promptCache"

# key: (reason, what to do). These hold for every build: forks print one help text for all their programs.
ELSEWHERE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("conversation", "cnv", "no-conversation", "no-cnv", "interactive", "i"),
                *("interactive-first", "if", "single-turn", "st", "multiline-input", "mli"),
            ),
            (_CHAT_PROGRAM, "remove it"),
        ),
        **dict.fromkeys(
            (
                "in-prefix",
                "in-suffix",
                "in-prefix-bos",
                "prompt",
                "p",
                "file",
                "f",
                "in-file",
                "binary-file",
                "bf",
            ),
            (_CHAT_PROGRAM, _PROMPT_HOME),
        ),
        **dict.fromkeys(
            ("system-prompt", "sys", "system-prompt-file", "sysf", "spf"), (_CHAT_PROGRAM, _PROMPT_HOME)
        ),
        **dict.fromkeys(
            ("prompt-cache", "prompt-cache-all", "prompt-cache-ro"), (_STORED_PROMPT, _CACHE_HOME)
        ),
        **dict.fromkeys(
            ("output", "o", "output-draft"), ("it belongs to llama-imatrix and writes files", "remove it")
        ),
    }
)

NEVER_EXISTED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "main-kv": ("no llama-server has this option", "remove it; spec.context.kvType chooses the KV cache"),
        "memory-f32": ("no current engine has this option", "write spec.context.kvType: {k: f32, v: f32}"),
        "sane-defaults": ("no current engine has this option", "remove it"),
    }
)

# What to write instead on builds that lack a name; the first of these that the build offers is named.
REPLACED: Mapping[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "mlock": (("load-mode", "load-mode: mlock"),),
        "no-mmap": (("load-mode", "load-mode: none"),),
        "mmap": (("load-mode", "load-mode: mmap"), ("no-mmap", "no-mmap: false")),
        "direct-io": (("load-mode", "load-mode: dio"),),
        "dio": (("load-mode", "load-mode: dio"),),
        "load-mode": (("mlock", "mlock: true"), ("no-mmap", "no-mmap: true")),
        "draft-max": (("spec-draft-n-max", "spec-draft-n-max"),),
        "draft": (("spec-draft-n-max", "spec-draft-n-max"), ("draft-max", "draft-max")),
        "draft-n": (("spec-draft-n-max", "spec-draft-n-max"), ("draft-max", "draft-max")),
        "draft-min": (("spec-draft-n-min", "spec-draft-n-min"),),
        "draft-n-min": (("spec-draft-n-min", "spec-draft-n-min"),),
        "spec-draft-n-max": (("draft", "draft-max"),),
        "spec-draft-n-min": (("draft-min", "draft-min"),),
        "spec-ngram-size-n": (
            ("spec-ngram-mod-n-match", "spec-ngram-mod-n-match or spec-ngram-simple-size-n"),
        ),
        "spec-ngram-size-m": (("spec-ngram-simple-size-m", "spec-ngram-simple-size-m"),),
        "spec-ngram-min-hits": (("spec-ngram-simple-min-hits", "spec-ngram-simple-min-hits"),),
        "lora-base": (("lora", "lora, which takes a quantised base as it is"),),
        "ctx-size-draft": (("ctx-size", "spec.context.size: a draft has the context of its model"),),
    }
)

_DANGEROUS_WORDS = frozenset(
    (
        *("agent", "auth", "bind", "cert", "cmd", "command", "config", "cors", "daemon", "db", "dir"),
        *("directory", "docker", "dump", "file", "files", "folder", "hf", "host", "http", "ip", "key"),
        *("lib", "library", "listen", "log", "mount", "out", "output", "path", "plugin", "port", "preset"),
        *("proxy", "public", "remote", "repo", "rpc", "save", "script", "secret", "serve", "sh", "shell"),
        *("so", "sock", "socket", "ssl", "static", "tls", "token", "tool", "tools", "ui", "unix"),
        *("url", "user", "web", "webui", "write"),
    )
)
# Words that are a warning inside other words too: `sqlite`, `downloader`, `mcpserver`, `logdir`.
_DANGEROUS_PARTS = re.compile(
    r"download|exec|mcp|sqlite|sql|password|apikey|proxy|agent|plugin|script|upload|dlopen|remote|server|url"
    r"|dir\b|file\b|path\b|^logd|^logf"
)


def dangerous_word(name: str) -> str:
    """The word of an unknown option's name that says it may execute, write, fetch, listen or leak; or nothing."""
    folded = name.lower().replace("_", "-")
    for word in re.split(r"[-.]", folded):
        if word in _DANGEROUS_WORDS:
            return word
    found = _DANGEROUS_PARTS.search(folded)
    return found.group(0) if found else ""
