"""What a chat template says about its model, read as text: it is never rendered here.

A template is code from a stranger; rendering one has run commands in other products.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOOLS = re.compile(r"\b(?:tools|custom_tools|tool_calls|available_tools|functions)\b")
_THINKING = re.compile(
    r"<\|?/?(?:seed:|ds_)?think(?:ing)?\|?>|\[THINK\]|<\|(?:START|END)_THINKING\|>|<\|channel\|>"
    r"|\breasoning_content\b|\benable_thinking\b|\breasoning_effort\b|\bthinking_budget\b"
)
# Bare names only: `message.thinking` and "thinking" are parts of messages, not switches.
_SWITCHES = {
    name: re.compile(rf"""(?<![\w.'"]){name}(?![\w'"])""")
    for name in ("enable_thinking", "reasoning_effort", "thinking_budget", "thinking")
}
_IMAGES = re.compile(
    r"""\bimage_url\b|["']image["']|<\|?(?:image|img|vision_start|image_pad|begin_of_image)\b"""
)
_CLOSING = {"%": "%}", "{": "}}", "#": "#}"}


@dataclass(frozen=True, slots=True)
class ChatTemplate:
    """`reasoning_switch` is the template variable that turns thinking on or off, or sets its effort."""

    text: str
    tools: bool
    reasoning: bool
    reasoning_switch: str | None
    images: bool


def read_template(text: str) -> ChatTemplate:
    code = _code(text)
    return ChatTemplate(
        text=text,
        tools=_TOOLS.search(code) is not None,
        reasoning=_THINKING.search(text) is not None,
        reasoning_switch=next((name for name, bare in _SWITCHES.items() if bare.search(code)), None),
        images=_IMAGES.search(text) is not None,
    )


def _code(text: str) -> str:
    """The Jinja statements and expressions, without comments and without the text between them.

    Every step moves past a closing mark, so that the time is linear whatever the text.
    """
    pieces = []
    position = text.find("{")
    while 0 <= position < len(text) - 1:
        closing = _CLOSING.get(text[position + 1])
        if closing is None:
            position = text.find("{", position + 1)
            continue
        end = text.find(closing, position + 2)
        if end < 0:
            break
        if closing != "#}":
            pieces.append(text[position + 2 : end])
        position = text.find("{", end + 2)
    return "\n".join(pieces)
