"""The chat template of the tiny models: ChatML, with tools in the manner of Hermes and, if wanted, thinking."""

from __future__ import annotations

_SYSTEM_WITH_TOOLS = r"""
{%- if tools -%}
<|im_start|>system
{% if messages[0].role == 'system' %}{{ messages[0].content + '\n\n' }}{% endif -%}
# Tools

Functions that may be called, one JSON signature a line:
<tools>
{%- for tool in tools %}{{ '\n' + (tool | tojson) }}{% endfor -%}
{{ '\n</tools>' }}

To call one, answer with its name and arguments as JSON inside these tags:
<tool_call>{"name": <name>, "arguments": <object>}</tool_call><|im_end|>
{% elif messages[0].role == 'system' -%}
<|im_start|>system
{{ messages[0].content }}<|im_end|>
{% endif -%}
"""

_MESSAGES = r"""
{%- for message in messages -%}
{%- if message.role == 'user' or (message.role == 'system' and not loop.first) -%}
<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% elif message.role == 'assistant' -%}
{{ '<|im_start|>assistant\n' }}
@PAST_THOUGHTS@
{%- if message.content %}{{ message.content }}{% endif -%}
{%- for call in message.tool_calls or [] -%}
{%- set called = call.function or call -%}
{%- if not loop.first %}{{ '\n' }}{% endif -%}
<tool_call>{"name": "{{ called.name }}", "arguments": {{ '' -}}
{{- called.arguments if called.arguments is string else called.arguments | tojson -}}
}</tool_call>
{%- endfor -%}
<|im_end|>
{% elif message.role == 'tool' -%}
<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% endif -%}
{%- endfor -%}
"""

_ANSWER = r"""
{%- if add_generation_prompt -%}
{{ '<|im_start|>assistant\n' }}
@THINKING_OFF@
{%- endif -%}
"""

_PAST_THOUGHTS = """
{%- if message.reasoning_content %}{{ '<think>' + message.reasoning_content + '</think>' }}{% endif -%}
"""
_THINKING_OFF = """
{%- if enable_thinking is defined and not enable_thinking %}{{ '<think></think>' }}{% endif -%}
"""


def chat_template(*, thinking: bool) -> str:
    text = (_SYSTEM_WITH_TOOLS + _MESSAGES + _ANSWER).strip()
    text = text.replace("@PAST_THOUGHTS@", _PAST_THOUGHTS.strip() if thinking else "")
    return text.replace("@THINKING_OFF@", _THINKING_OFF.strip() if thinking else "")
