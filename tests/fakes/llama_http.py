"""The scripted llama-server's HTTP side: the real one's routes, shapes and errors, at a scripted pace."""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from tests.fakes.wire import ClientGone, Refusal, Request, Wire, read_request

if TYPE_CHECKING:
    from tests.fakes.llama_server import Life

NAMES = {
    "host": ("--host",),
    "port": ("--port",),
    "model": ("-m", "--model"),
    "alias": ("-a", "--alias"),
    "parallel": ("-np", "--parallel"),
    "ctx": ("-c", "--ctx-size"),
}
DEFAULTS = {"host": "127.0.0.1", "port": "8080", "model": "", "alias": "", "parallel": "4", "ctx": "4096"}
PUBLIC = {"/health", "/v1/health"}
OBSERVING = {"/health", "/v1/health", "/v1/models", "/models", "/props", "/slots", "/metrics"}
EMBEDDING = [0.6, 0.8] + [0.0] * 30


def options(argv: list[str]) -> dict[str, str]:
    """The few options that the double obeys; the last duplicate wins, as in the real one."""
    found = dict(DEFAULTS)
    for option, value in itertools.pairwise(argv):
        for name, spellings in NAMES.items():
            if option in spellings:
                found[name] = value
    return found


class Door:
    """Accepts connections; one thread each."""

    def __init__(self, life: Life, listener: socket.socket) -> None:
        self.life = life
        self.listener = listener
        self.options = options(life.argv)
        self.keys = [key for key in os.environ.get("LLAMA_API_KEY", "").split(",") if key]
        self.slots = [False] * int(self.options["parallel"])
        self.slot_free = threading.Condition()
        name = listener.getsockname()
        self.url = f"unix://{name}" if isinstance(name, str) else f"http://{name[0]}:{name[1]}"

    def open(self) -> None:
        threading.Thread(target=self._accept, daemon=True).start()

    def in_flight(self) -> int:
        return sum(self.slots)

    @property
    def model(self) -> str:
        return str(self.life.script["model"] or self.options["alias"] or self.options["model"])

    def _accept(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines, contextlib.suppress(OSError, ClientGone):
            while request := read_request(lines):
                if not Exchange(self, connection, request).answer():
                    return

    def take_slot(self) -> int:
        """Waits without limit, as the real one does."""
        with self.slot_free:
            self.slot_free.wait_for(lambda: not all(self.slots))
            slot = self.slots.index(False)
            self.slots[slot] = True
            return slot

    def give_slot(self, slot: int) -> None:
        with self.slot_free:
            self.slots[slot] = False
            self.slot_free.notify()


class Exchange(Wire):
    """One request and its answer."""

    def __init__(self, door: Door, connection: socket.socket, request: Request) -> None:
        super().__init__(connection, request)
        self.door = door
        self.life = door.life

    def answer(self) -> bool:
        """Whether the connection stays open."""
        request = self.request
        self.life.event(
            method=request.method,
            path=request.path,
            headers=request.headers,
            body=request.body.decode(errors="replace"),
        )
        if not self.life.loading and self.life.hangs(request.path):
            self.wait_until_client_leaves()
        if request.path not in OBSERVING:
            self.life.requests += 1
            self.life.crash_if("request", self.life.requests)
            self.life.log(f"{request.method} {request.path}", tag="srv  log_server_r")
        elif self.life.script["log_flood"]:
            self.life.log(f"{request.method} {request.path}", tag="srv  log_server_r")
        try:
            self._route()
        except Refusal as refusal:
            self.send(refusal.code, refusal.body)
            return False
        return True

    def _route(self) -> None:
        path = self.request.path
        if self.life.loading:
            raise Refusal(503, "unavailable_error", "Loading model")
        if path not in PUBLIC and self.door.keys and self._key() not in self.door.keys:
            self.life.log("unauthorized: Invalid API Key", level="W", tag="srv    operator()")
            raise Refusal(401, "authentication_error", "Invalid API Key")
        route = ROUTES.get((self.request.method, path))
        if route is None:
            raise Refusal(404, "not_found_error", "File Not Found")
        route(self)

    def _key(self) -> str:
        given = self.request.headers.get("authorization", self.request.headers.get("x-api-key", ""))
        return given.removeprefix("Bearer ")

    # the answers

    def health(self) -> None:
        self.send(200, {"status": "ok"})

    def models(self) -> None:
        meta = {
            "n_ctx": int(self.door.options["ctx"]),
            "n_ctx_train": 8192,
            "n_params": 626912,
            "size": 1257344,
        }
        entry = {
            "id": self.door.model,
            "aliases": [self.door.model],
            "object": "model",
            "owned_by": "llamacpp",
        }
        legacy = {"name": self.door.model, "model": self.door.model, "capabilities": ["completion"]}
        data = [entry | {"created": int(time.time()), "meta": meta}]
        self.send(200, {"models": [legacy], "object": "list", "data": data})

    def props(self) -> None:
        props = {
            "default_generation_settings": {"params": {}, "n_ctx": int(self.door.options["ctx"])},
            "total_slots": len(self.door.slots),
            "model_alias": self.door.model,
            "model_path": self.door.options["model"],
            "modalities": {"vision": False, "video": False, "audio": False},
            "chat_template": "{{ messages }}",
            "build_info": "b0-unknown",
            "is_sleeping": False,
        }
        self.send(200, props)

    def slots(self) -> None:
        size = int(self.door.options["ctx"])
        states = [
            {"id": number, "n_ctx": size, "speculative": False, "is_processing": busy}
            for number, busy in enumerate(self.door.slots)
        ]
        self.send(200, states)

    def metrics(self) -> None:
        if "--metrics" not in self.life.argv:
            raise _unsupported("metrics endpoint", "--metrics")
        lines = [
            f"llamacpp:{name} {value}"
            for name, value in (
                ("prompt_tokens_total", self.life.requests),
                ("tokens_predicted_total", self.life.requests * self.life.script["chunks"]),
                ("requests_processing", self.door.in_flight()),
                ("requests_deferred", 0),
            )
        ]
        self.send_text(200, "\n".join(lines) + "\n", kind="text/plain; version=0.0.4")

    def tokenize(self) -> None:
        self.send(200, {"tokens": list(self.body().get("content", "").encode())})

    def embeddings(self) -> None:
        if not {"--embeddings", "--embedding"} & set(self.life.argv):
            raise _unsupported("embeddings", "--embeddings")
        given = self.body()["input"]
        texts = given if isinstance(given, list) else [given]
        data = [
            {"embedding": EMBEDDING, "index": index, "object": "embedding"} for index in range(len(texts))
        ]
        self.send(
            200, {"model": self.door.model, "object": "list", "usage": _usage(len(texts), 0), "data": data}
        )

    def rerank(self) -> None:
        if not {"--rerank", "--reranking"} & set(self.life.argv):
            raise _unsupported("reranking", "--reranking")
        documents = self.body()["documents"]
        results = [{"index": index, "relevance_score": 1 / (1 + index)} for index in range(len(documents))]
        self.send(
            200,
            {
                "model": self.door.model,
                "object": "list",
                "usage": _usage(len(documents), 0),
                "results": results,
            },
        )

    def chat(self) -> None:
        self._generate("chat.completion", chat=True)

    def complete(self) -> None:
        self._generate("text_completion", chat=False)

    # generation

    def _generate(self, kind: str, *, chat: bool) -> None:
        body = self.body()
        slot = self.door.take_slot()
        try:
            pieces = self._pieces(body.get("max_tokens"))
            finish = "length" if len(pieces) < self.life.script["chunks"] else "stop"
            base = {"created": int(time.time()), "model": self.door.model, "id": "chatcmpl-scripted"}
            if body.get("stream"):
                self._stream(
                    pieces, base | {"object": f"{kind}.chunk" if chat else kind}, finish, chat=chat, body=body
                )
            else:
                for count, _ in enumerate(pieces, 1):
                    self._one_step(count)
                choice = _whole("".join(pieces), chat=chat) | {"index": 0, "finish_reason": finish}
                usage = _usage(len(self.request.body), len(pieces))
                self.send(200, base | {"object": kind, "choices": [choice], "usage": usage})
        finally:
            self.door.give_slot(slot)

    def _pieces(self, limit: int | None) -> list[str]:
        text, count = self.life.script["content"], self.life.script["chunks"]
        bounds = [len(text) * number // count for number in range(count + 1)]
        pieces = [text[begin:end] for begin, end in itertools.pairwise(bounds)]
        return pieces if limit is None or limit < 0 else pieces[:limit]

    def _one_step(self, count: int) -> None:
        """The pace of one token; notices at once when the client leaves or the process shall stop."""
        readable, _, _ = select.select([self.connection], [], [], self.life.script["pace"])
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise ClientGone
        if self.life.stopping.is_set():
            self.wait_until_client_leaves()
        self.life.crash_if("chunk", count)

    def _stream(
        self, pieces: list[str], base: dict[str, Any], finish: str, *, chat: bool, body: dict[str, Any]
    ) -> None:
        self.send_head(200, "text/event-stream", ["Transfer-Encoding: chunked"])
        if chat:
            self.send_event(base | {"choices": [_part({"role": "assistant", "content": None}, chat=True)]})
        for count, piece in enumerate(pieces, 1):
            self._one_step(count)
            self.send_event(base | {"choices": [_part({"content": piece} if chat else piece, chat=chat)]})
        last = _part({} if chat else "", chat=chat) | {"finish_reason": finish}
        usage = {"usage": _usage(len(self.request.body), len(pieces))}
        self.send_event(base | {"choices": [last]} | ({} if chat else usage))
        if chat and (body.get("stream_options") or {}).get("include_usage"):
            self.send_event(base | {"choices": []} | usage)
        self.send_chunk(b"data: [DONE]\n\n")
        self.send_chunk(b"")


def _unsupported(what: str, flag: str) -> Refusal:
    return Refusal(501, "not_supported_error", f"This server does not support {what}. Start it with `{flag}`")


def _usage(prompt: int, completion: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _whole(text: str, *, chat: bool) -> dict[str, Any]:
    return {"message": {"role": "assistant", "content": text}} if chat else {"text": text, "logprobs": None}


def _part(delta: object, *, chat: bool) -> dict[str, Any]:
    return {"finish_reason": None, "index": 0, ("delta" if chat else "text"): delta}


ROUTES = {
    ("GET", "/health"): Exchange.health,
    ("GET", "/v1/health"): Exchange.health,
    ("GET", "/v1/models"): Exchange.models,
    ("GET", "/models"): Exchange.models,
    ("GET", "/props"): Exchange.props,
    ("GET", "/slots"): Exchange.slots,
    ("GET", "/metrics"): Exchange.metrics,
    ("POST", "/tokenize"): Exchange.tokenize,
    ("POST", "/v1/embeddings"): Exchange.embeddings,
    ("POST", "/v1/rerank"): Exchange.rerank,
    ("POST", "/v1/chat/completions"): Exchange.chat,
    ("POST", "/chat/completions"): Exchange.chat,
    ("POST", "/v1/completions"): Exchange.complete,
}
