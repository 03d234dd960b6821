"""The upstream of a test: it answers what the test says and remembers every byte that reached it."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import Callable, List, Optional, Union

from wire import PATIENCE, Ended, Reader, Request, Unexpected, response

Answer = Union[bytes, Callable[[Request, "Connection"], Optional[bytes]]]


class Connection(Reader):
    """One connection that postern opened."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        super().__init__(sock)
        self.number = number

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def close(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


class Upstream:
    """Listens on a free port. Each connection has its thread, which reads requests and answers them with `answer`: bytes, or
    a function that returns bytes, or None when it has sent what it wanted by itself. A test that wants the bare connection
    sets `serve` instead: it is called when the next request begins to arrive, and the connection ends with it."""

    def __init__(self, *, receive_buffer: int = 0, host: str = "127.0.0.1", port: int = 0,
                 tls: Optional[ssl.SSLContext] = None) -> None:
        self.answer: Answer = response()
        self.serve: Optional[Callable[[Connection], None]] = None
        self.connections: List[Connection] = []
        self.requests: List[Request] = []
        self.failures: List[BaseException] = []
        self._change = threading.Condition()
        self._listener = socket.socket()
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((host, port))
        self._listener.listen(128)
        self.port: int = self._listener.getsockname()[1]
        self.tls = tls
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._change:
                connection = Connection(sock, len(self.connections))
                self.connections.append(connection)
                self._change.notify_all()
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection: Connection) -> None:
        try:
            if self.tls is not None:
                connection.sock = self.tls.wrap_socket(connection.sock, server_side=True)
            while self._another(connection):
                if self.serve is not None:  # a pooled connection, too
                    self.serve(connection)
                    return
                request = connection.request()
                with self._change:
                    self.requests.append(request)
                    self._change.notify_all()
                reply = self.answer if isinstance(self.answer, bytes) else self.answer(request, connection)
                if reply is not None:
                    connection.send(reply)
        except (OSError, ValueError, Ended):
            pass  # postern or the test has closed it, perhaps in the middle of a request that came to nothing
        except BaseException as failure:  # malformed; shown by the fixture at the end of the test
            self.failures.append(failure)
        finally:
            connection.close()

    @staticmethod
    def _another(connection: Connection) -> bool:
        """Whether one more request begins: an end between two is no failure."""
        if connection.pending():
            return True
        connection.sock.settimeout(None)
        more = connection._more()
        connection.sock.settimeout(PATIENCE)
        return more

    @property
    def received(self) -> bytes:
        """Every byte that ever came, connection after connection."""
        return b"".join(bytes(connection.received) for connection in self.connections)

    @property
    def last(self) -> Request:
        if not self.requests:
            raise Unexpected("nothing reached the upstream")
        return self.requests[-1]

    def wait_for_requests(self, count: int) -> None:
        with self._change:
            if not self._change.wait_for(lambda: len(self.requests) >= count, PATIENCE):
                raise Unexpected(f"{len(self.requests)} requests reached the upstream, not {count}")

    def forget(self) -> None:
        """Between two requests of one test: as if nothing had come. Connections stay open."""
        with self._change:
            self.requests.clear()
            for connection in self.connections:
                connection.received = connection.received[connection._at :]
                connection._at = 0

    def begin_anew(self) -> None:
        """Before the next test: as if nothing had come, no connection open, and the answer the usual one."""
        with self._change:
            old, self.connections = self.connections, []
            self.requests.clear()
            self.serve, self.answer = None, response()
        for connection in old:
            connection.close()

    def stop_listening(self) -> None:
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def close(self) -> None:
        self.stop_listening()
        for connection in list(self.connections):
            connection.close()
