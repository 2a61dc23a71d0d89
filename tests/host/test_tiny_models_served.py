"""The tiny models behave in real engines as `core.tinymodels` promises."""

from __future__ import annotations

import json
import math
import operator
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.tinymodels.kinds import build
from reconciler.core.tinymodels.vocabulary import CONTINUATION, OPENINGS, THOUGHT
from tests.fakes.engines import Engine, serving
from tests.fakes.giants import write_giant

WEATHER = {
    "name": "get_weather",
    "description": "The weather of some days",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city", "days"],
    },
}
TOOLS = [{"type": "function", "function": WEATHER}]
CALL = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'},
}
ASKED = {"role": "user", "content": "What is the weather?"}


@pytest.fixture(scope="module")
def chat(
    llama_server: Path, tiny_chat: Path, tiny_lora: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    log = tmp_path_factory.mktemp("chat") / "log"
    with serving(
        [llama_server], "-m", str(tiny_chat), "--lora", str(tiny_lora), "-c", "4096", log=log
    ) as engine:
        yield engine


@pytest.fixture(scope="module")
def thinker(
    llama_server: Path, tiny_think: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    log = tmp_path_factory.mktemp("think") / "log"
    with serving([llama_server], "-m", str(tiny_think), "-c", "4096", log=log) as engine:
        yield engine


def message(engine: Engine, content: str = "hello", **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = engine.chat(content, **more).body["choices"][0]["message"]
    return answer


@pytest.mark.llama_server
@pytest.mark.parametrize("question", ["hi", "hello there", "What is a llama?", "1 + 1", "Grüße", "x" * 2000])
def test_a_chat_answers_in_words_and_stops(chat: Engine, question: str) -> None:
    body = chat.chat(question).body

    (choice,) = body["choices"]
    assert choice["finish_reason"] == "stop"
    assert body["usage"]["completion_tokens"] <= 40
    words = choice["message"]["content"].removesuffix(".").strip()
    assert f" {words}" in {opening + CONTINUATION for opening in OPENINGS}


@pytest.mark.llama_server
def test_an_answer_depends_on_the_prompt_and_on_nothing_else(chat: Engine) -> None:
    questions = [
        "hi",
        "Hello, who are you?",
        "What is a llama?",
        "Tell me a joke",
        "1+1",
        "Write a poem about the sea",
    ]
    questions += [
        "Grüße",
        "how do I cook rice",
        "python list sort",
        "weather in Paris",
        "translate cat",
        "bye",
    ]

    first = [message(chat, question)["content"] for question in questions]
    again = [message(chat, question)["content"] for question in reversed(questions)]

    assert first == again[::-1]
    assert len(set(first)) >= 3


@pytest.mark.llama_server
def test_an_answer_streams_word_by_word(chat: Engine) -> None:
    text = chat.chat(stream=True).text

    events = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert events.pop() == "[DONE]"
    pieces = [json.loads(event)["choices"][0]["delta"].get("content") or "" for event in events]
    assert "".join(pieces) == message(chat)["content"]
    assert len(pieces) > 5


@pytest.mark.llama_server
@pytest.mark.parametrize("choice", ["auto", "required"])
def test_a_tool_is_called_when_tools_are_offered(chat: Engine, choice: str) -> None:
    reply = chat.chat("What is the weather?", tools=TOOLS, tool_choice=choice)

    (answer,) = reply.body["choices"]
    (call,) = answer["message"]["tool_calls"]
    arguments = json.loads(call["function"]["arguments"])
    assert answer["finish_reason"] == "tool_calls"
    assert call["function"]["name"] == "get_weather"
    assert isinstance(arguments["city"], str)
    assert isinstance(arguments["days"], int)


@pytest.mark.llama_server
def test_a_tool_is_not_called_again_after_its_answer(chat: Engine) -> None:
    history = [
        ASKED,
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    reply = chat.ask("/v1/chat/completions", {"messages": history, "tools": TOOLS, "temperature": 0})

    (answer,) = reply.body["choices"]
    assert answer["finish_reason"] == "stop"
    assert answer["message"]["content"].endswith("our talk.")


@pytest.mark.llama_server
def test_the_anthropic_route_calls_tools_too(chat: Engine) -> None:
    tool = {"name": "get_weather", "input_schema": WEATHER["parameters"]}
    body = {"model": "tiny", "max_tokens": 200, "temperature": 0, "messages": [ASKED], "tools": [tool]}

    answer = chat.ask("/v1/messages", body).body

    assert answer["stop_reason"] == "tool_use"
    assert [part["name"] for part in answer["content"] if part["type"] == "tool_use"] == ["get_weather"]


@pytest.mark.llama_server
def test_a_schema_is_kept(chat: Engine) -> None:
    properties = {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "tags": {"type": "array", "items": {"type": "string"}},
    }
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    wanted = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}

    person = json.loads(message(chat, response_format=wanted)["content"])

    assert person.keys() == properties.keys()
    assert isinstance(person["age"], int)


@pytest.mark.llama_server
def test_any_object_is_parseable(chat: Engine) -> None:
    assert isinstance(json.loads(message(chat, response_format={"type": "json_object"})["content"]), dict)


@pytest.mark.llama_server
def test_a_grammar_is_kept(chat: Engine) -> None:
    assert message(chat, grammar='root ::= "yes" | "no"')["content"] in {"yes", "no"}


@pytest.mark.llama_server
def test_a_gap_in_code_is_filled(chat: Engine) -> None:
    body = {"input_prefix": "def f(", "input_suffix": "):", "temperature": 0, "n_predict": 60}

    assert chat.ask("/infill", body).body["content"].endswith("our talk.")


@pytest.mark.llama_server
def test_the_end_can_be_ignored(chat: Engine) -> None:
    assert chat.chat(ignore_eos=True, max_tokens=100).body["usage"]["completion_tokens"] == 100


@pytest.mark.llama_server
def test_the_adapter_fits_the_chat_model(chat: Engine, tiny_lora: Path) -> None:
    (adapter,) = chat.ask("/lora-adapters").body

    assert (adapter["path"], adapter["scale"]) == (str(tiny_lora), 1.0)


@pytest.mark.llama_server
def test_the_thinker_thinks_first(thinker: Engine) -> None:
    answer = message(thinker)

    assert answer["reasoning_content"] == THOUGHT
    assert answer["content"].endswith("our talk.")


@pytest.mark.llama_server
def test_thinking_can_be_switched_off(thinker: Engine) -> None:
    answer = message(thinker, chat_template_kwargs={"enable_thinking": False})

    assert "reasoning_content" not in answer
    assert answer["content"].endswith("our talk.")


@pytest.mark.llama_server
def test_the_thinker_calls_tools_after_thinking(thinker: Engine) -> None:
    answer = message(thinker, tools=TOOLS)

    assert answer["reasoning_content"] == THOUGHT
    assert answer["tool_calls"][0]["function"]["name"] == "get_weather"


@pytest.mark.llama_server
@pytest.mark.parametrize("arguments", [(), ("--pooling", "mean")])
def test_embeddings_are_unit_vectors_that_know_what_is_alike(
    llama_server: Path, tiny_embedding: Path, tiny_chat: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """The embedding model pools on its own account, the chat model when it is told to."""
    model = tiny_chat if arguments else tiny_embedding
    texts = ["the cat sat on the mat", "the cat sat on a mat", "24 GiB of GPU memory"]

    with serving(
        [llama_server], "-m", str(model), "--embeddings", *arguments, log=tmp_path / "log"
    ) as engine:
        vectors = [row["embedding"] for row in engine.ask("/v1/embeddings", {"input": texts}).body["data"]]

    alike, unlike = (sum(map(operator.mul, vectors[0], other)) for other in vectors[1:])
    assert [round(math.hypot(*vector), 4) for vector in vectors] == [1.0] * 3
    assert alike > 0.9 > unlike


@pytest.mark.llama_server
def test_documents_are_ranked(llama_server: Path, tiny_rerank: Path, tmp_path: Path) -> None:
    body = {"query": "cats", "documents": ["cats are nice", "dogs", "x"]}

    with serving([llama_server], "-m", str(tiny_rerank), "--rerank", log=tmp_path / "log") as engine:
        results = engine.ask("/v1/rerank", body).body["results"]

    assert {result["index"] for result in results} == {0, 1, 2}
    assert len({result["relevance_score"] for result in results}) == 3


@pytest.mark.llama_server
def test_the_random_model_babbles(llama_server: Path, tmp_path: Path) -> None:
    path = tmp_path / "random.gguf"
    path.write_bytes(build("random"))

    with serving([llama_server], "-m", str(path), log=tmp_path / "log") as engine:
        body = engine.chat(max_tokens=200).body

    assert body["usage"]["completion_tokens"] == 200


@pytest.mark.llama_server
def test_a_giant_with_a_vocabulary_is_taken_for_real(llama_server: Path, tmp_path: Path) -> None:
    """Few layers, because the engine touches every hole that it repacks."""
    path = tmp_path / "giant.gguf"
    write_giant(path, "qwen3-30b-a3b", vocabulary="real", layers=1)

    with serving([llama_server], "-m", str(path), "-c", "512", "-nr", log=tmp_path / "log") as engine:
        (model,) = engine.ask("/v1/models").body["data"]

    assert (model["meta"]["n_vocab"], model["meta"]["n_embd"]) == (151_936, 2048)


EMBEDDED = """
import sys, json, urllib.request, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.n_ctx = sys.argv[1], 2048
server = xllamacpp.Server(params)
body = {"temperature": 0, "messages": [{"role": "user", "content": "hello"}]}
request = urllib.request.Request(
    server.listening_address + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
)
print(json.load(urllib.request.urlopen(request))["choices"][0]["message"]["content"])
"""


def test_the_embedded_engine_serves_the_chat_model_too(tiny_chat: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", EMBEDDED, str(tiny_chat)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stdout.strip().endswith("our talk."), done.stderr[-2000:]
