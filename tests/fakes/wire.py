"""As much HTTP/1.1 as the scripted llama-server speaks; the standard library's own takes too long to import."""

from __future__ import annotations

import json
import socket
from typing import IO, Any

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 501: "Not Implemented"}
REASONS[503] = "Service Unavailable"


class Refusal(Exception):
    def __init__(self, code: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.body = {"error": {"message": message, "type": kind, "code": code}}


class ClientGone(Exception):
    pass


class Request:
    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.path = path.split("?", maxsplit=1)[0]
        self.headers = headers
        self.body = body


def read_request(lines: IO[bytes]) -> Request | None:
    first = lines.readline().decode("latin-1").split()
    if len(first) < 2:
        return None
    headers = {}
    while line := lines.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        return Request(first[0], first[1], headers, _read_chunked(lines))
    return Request(first[0], first[1], headers, lines.read(int(headers.get("content-length", 0))))


def _read_chunked(lines: IO[bytes]) -> bytes:
    body = b""
    while size := int(lines.readline(), 16):
        body += lines.read(size)
        lines.readline()
    lines.readline()
    return body


class Wire:
    """A connection with one request on it, and the ways to answer."""

    def __init__(self, connection: socket.socket, request: Request) -> None:
        self.connection = connection
        self.request = request

    def body(self) -> dict[str, Any]:
        try:
            body: dict[str, Any] = json.loads(self.request.body)
        except ValueError as error:
            raise Refusal(400, "invalid_request_error", f"[json.exception.parse_error.101] {error}") from None
        return body

    def send_event(self, what: dict[str, Any]) -> None:
        self.send_chunk(b"data: " + json.dumps(what, separators=(",", ":")).encode() + b"\n\n")

    def send_chunk(self, data: bytes) -> None:
        self.connection.sendall(b"%x\r\n%s\r\n" % (len(data), data))

    def send(self, code: int, body: object) -> None:
        self.send_text(code, json.dumps(body, separators=(",", ":")), kind="application/json; charset=utf-8")

    def send_text(self, code: int, text: str, *, kind: str) -> None:
        data = text.encode()
        keep = "Keep-Alive: timeout=5, max=100" if code == 200 else "Connection: close"
        self.send_head(code, kind, [f"Content-Length: {len(data)}", keep])
        self.connection.sendall(data)

    def send_head(self, code: int, kind: str, more: list[str]) -> None:
        lines = [
            f"HTTP/1.1 {code} {REASONS[code]}",
            "Server: llama.cpp",
            f"Content-Type: {kind}",
            *more,
            "",
            "",
        ]
        self.connection.sendall("\r\n".join(lines).encode())

    def wait_until_client_leaves(self) -> None:
        while self.connection.recv(4096):
            pass
        raise ClientGone
