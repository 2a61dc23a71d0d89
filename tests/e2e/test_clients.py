"""Real clients against prepared deployments on real engines: what an application sees from the first day."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from reconciler.control.launches import launch_of
from reconciler.control.sources import read_sources
from reconciler.host.places import make_places
from reconciler.host.processes import start, stop
from reconciler.host.readiness import wait_ready
from tests.fakes.engines import free_port

KEY = "a-key-of-this-test"
RUNTIMES = ["embedded", pytest.param("llama-server", marks=pytest.mark.llama_server)]


@contextmanager
def served(runtime: str, model: Path, spec: str = "") -> Iterator[str]:
    """The base URL of a deployment `tiny`, prepared from a manifest and started as the product starts it."""
    manifest = model.parent / f"{runtime}.yaml"
    manifest.write_text(
        "apiVersion: models.reconciler/v1alpha1\nkind: ModelDeployment\nmetadata: {name: tiny}\n"
        f"spec:\n  model: {{path: {model.name}}}\n  runtime: {runtime}\n{spec}"
    )
    (preparation,) = read_sources([str(manifest)], environ=os.environ).preparations
    places, port = make_places("test", os.environ), free_port()
    launch = launch_of(preparation, port=port, api_key=KEY, places=places, environ=os.environ)
    started = start(launch)
    try:
        wait_ready(started, port=port, within=60)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(started, grace=5)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_openai_client_chats_streams_and_calls_tools(runtime: str, tiny_chat: Path) -> None:
    """One process, five kinds of use; the model answers under its deployment's name."""
    tool: Any = {
        "type": "function",
        "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
    }
    with served(runtime, tiny_chat) as url, openai.OpenAI(base_url=f"{url}/v1", api_key=KEY) as client:
        hello: Any = [{"role": "user", "content": "Hello"}]
        whole = client.chat.completions.create(model="tiny", messages=hello, temperature=0)
        stream: Any = client.chat.completions.create(model="tiny", messages=hello, temperature=0, stream=True)
        pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
        called: Any = client.chat.completions.create(
            model="tiny", messages=hello, tools=[tool], tool_choice="required"
        )
        models = [model.id for model in client.models.list()]

    assert ["tiny"] == models
    assert whole.model == "tiny"
    assert whole.choices[0].finish_reason == "stop"
    assert whole.choices[0].message.content == "".join(pieces)
    assert "weather" == called.choices[0].message.tool_calls[0].function.name


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_the_anthropic_client_gets_messages(runtime: str, tiny_chat: Path) -> None:
    """The engine's own Messages route, with its key in x-api-key."""
    with served(runtime, tiny_chat) as url, anthropic.Anthropic(base_url=url, api_key=KEY) as client:
        answer = client.messages.create(
            model="tiny", max_tokens=64, messages=[{"role": "user", "content": "Hello"}]
        )

    assert "assistant" == answer.role
    assert answer.usage.output_tokens > 0


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_nobody_enters_without_the_key(runtime: str, tiny_chat: Path) -> None:
    """Every engine stands behind the key of its launch."""
    with (
        served(runtime, tiny_chat) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="another") as client,
        pytest.raises(openai.AuthenticationError),
    ):
        client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "Hello"}])


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_embedding_model_is_known_by_its_file(runtime: str, tiny_embedding: Path) -> None:
    """Nobody declared `capabilities.embeddings`."""
    with served(runtime, tiny_embedding) as url, openai.OpenAI(base_url=f"{url}/v1", api_key=KEY) as client:
        answer = client.embeddings.create(model="tiny", input=["a fox", "a dog"], encoding_format="float")

    assert 2 == len(answer.data)
    assert sum(x * x for x in answer.data[0].embedding) == pytest.approx(1.0, abs=1e-3)
