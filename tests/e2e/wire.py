"""HTTP/1.1 bytes, read strictly and kept: what both ends of a test speak. No HTTP library would send what these tests send."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass, field
from typing import Iterable, List, Optional, Tuple, Union

SANITIZED = os.environ.get("POSTERN_SANITIZED") == "1"
# How long a test waits for something that should happen at once. Only a failing test waits that long.
PATIENCE = 60.0 if SANITIZED else 20.0

Fields = List[Tuple[str, str]]


class Unexpected(AssertionError):
    """The peer sent what HTTP does not allow."""


class Ended(Unexpected):
    """The peer ended too early."""


@dataclass
class Message:
    """A head and its body, and the very bytes they came from."""

    start: str
    fields: Fields
    body: bytes = b""
    trailers: Fields = field(default_factory=list)
    raw: bytes = b""  # head, framing and all
    raw_head: bytes = b""

    def get(self, name: str) -> Optional[str]:
        """The only value of a field, None without it; a repeated one is a failure."""
        values = self.all(name)
        if len(values) > 1:
            raise Unexpected(f"{name} came {len(values)} times: {values}")
        return values[0] if values else None

    def all(self, name: str) -> List[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def names(self) -> List[str]:
        return [key.lower() for key, _ in self.fields]

    def framing(self) -> Union[str, int, None]:
        """ "chunked", a length, or None."""
        if self.get("transfer-encoding") is not None:
            if self.get("content-length") is not None:
                raise Unexpected("both framings at once")
            if self.get("transfer-encoding") != "chunked":
                raise Unexpected(f"Transfer-Encoding: {self.get('transfer-encoding')}")
            return "chunked"
        length = self.get("content-length")
        if length is not None and not length.isdigit():
            raise Unexpected(f"Content-Length: {length}")
        return None if length is None else int(length)


class Request(Message):
    @property
    def method(self) -> str:
        return self.start.split(" ")[0]

    @property
    def target(self) -> str:
        return self.start.split(" ")[1]

    @property
    def version(self) -> str:
        return self.start.split(" ")[2]


class Reply(Message):
    @property
    def status(self) -> int:
        return int(self.start.split(" ")[1])

    @property
    def version(self) -> str:
        return self.start.split(" ")[0]


class Reader:
    """Reads messages from a socket and remembers every byte that came."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.received = bytearray()
        self._at = 0  # of `received`, what was taken by messages
        self.ended = False

    def _more(self) -> bool:
        try:
            piece = self.sock.recv(65536)
        except ConnectionResetError:
            piece = b""
        if not piece:
            self.ended = True
            return False
        self.received += piece
        return True

    def pending(self) -> bytes:
        """What came and was not read yet."""
        return bytes(self.received[self._at :])

    def line(self) -> bytes:
        """The next line with its CRLF."""
        while (end := self.received.find(b"\r\n", self._at)) < 0:
            if not self._more():
                raise Ended(f"end of stream within a line: {self.pending()!r}")
        line = bytes(self.received[self._at : end + 2])
        self._at = end + 2
        return line

    def exactly(self, size: int) -> bytes:
        while len(self.received) - self._at < size:
            if not self._more():
                raise Ended(f"end of stream, {size - len(self.received) + self._at} of {size} bytes missing")
        piece = bytes(self.received[self._at : self._at + size])
        self._at += size
        return piece

    def rest(self) -> bytes:
        while self._more():
            pass
        piece = self.pending()
        self._at = len(self.received)
        return piece

    def head(self, kind: type) -> Message:
        begin = self._at
        start = self.line()
        fields = self._fields()
        message = kind(start[:-2].decode("latin-1"), fields)
        message.raw_head = message.raw = bytes(self.received[begin : self._at])
        return message

    def _fields(self) -> Fields:
        fields: Fields = []
        while (line := self.line()) != b"\r\n":
            name, colon, value = line[:-2].decode("latin-1").partition(":")
            if not colon or not name or name != name.strip():
                raise Unexpected(f"no field: {line!r}")
            fields.append((name, value.strip(" \t")))
        return fields

    def chunks(self) -> Tuple[bytes, Fields]:
        body = bytearray()
        while True:
            size = self.line()[:-2]
            if not size or any(digit not in b"0123456789abcdefABCDEF" for digit in size):
                raise Unexpected(f"chunk size: {size!r}")
            if int(size, 16) == 0:
                return bytes(body), self._fields()
            body += self.exactly(int(size, 16))
            if self.exactly(2) != b"\r\n":
                raise Unexpected("no CRLF after a chunk")

    def request(self) -> Request:
        message = self.head(Request)
        begin = self._at
        framing = message.framing()
        if framing == "chunked":
            message.body, message.trailers = self.chunks()
        elif framing:
            message.body = self.exactly(framing)
        message.raw = message.raw_head + bytes(self.received[begin : self._at])
        return message

    def reply(self, to: str = "GET") -> Reply:
        """The next answer, informational ones included, to a request of method `to`."""
        message = self.head(Reply)
        begin = self._at
        if not (message.status < 200 or message.status in (204, 304) or to == "HEAD"):
            framing = message.framing()
            if framing == "chunked":
                message.body, message.trailers = self.chunks()
            elif framing is not None:
                message.body = self.exactly(framing)
            else:
                message.body = self.rest()
        message.raw = message.raw_head + bytes(self.received[begin : self._at])
        return message


class Client(Reader):
    """A client connection that sends what it is told to, in the pieces it is told to."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        sock = socket.create_connection((host, port), timeout=PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sock.close()

    def send(self, data: bytes, cut: Union[int, Iterable[int], None] = None) -> None:
        """Whole, in pieces of `cut` bytes, or cut at the given positions. A peer that has refused already and closed
        is no mistake: what it answered still has to be read."""
        if cut is None:
            pieces = [data]
        elif isinstance(cut, int):
            pieces = [data[i : i + cut] for i in range(0, len(data), cut)]
        else:
            places = [0, *cut, len(data)]
            pieces = [data[a:b] for a, b in zip(places, places[1:])]
        try:
            for piece in pieces:
                self.sock.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def end(self) -> None:
        """No more will be sent."""
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def ask(self, method: str = "GET", target: str = "/open", *fields: str, body: bytes = b"", **values: str) -> Reply:
        """One ordinary request and its answer."""
        self.send(request(method, target, *fields, body=body, **values))
        return self.reply(method)

    def is_closed(self) -> bool:
        """Waits for the peer to close; bytes before that are a failure."""
        extra = self.rest()
        if extra:
            raise Unexpected(f"more came: {extra!r}")
        return True


def request(method: str, target: str, *fields: str, body: bytes = b"", host: str = "api.test", token: str = "") -> bytes:
    """The bytes of a request. `fields` are whole lines, `Name: value`."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    lines += fields
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def response(status: int = 200, *fields: str, body: Optional[bytes] = b"ok\n", reason: str = "OK") -> bytes:
    """The bytes of an answer with a length; without one when `body` is None."""
    lines = [f"HTTP/1.1 {status} {reason}", *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def chunked(*pieces: bytes, trailers: str = "") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailers.encode() + b"\r\n"
