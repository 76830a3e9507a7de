"""A load generator that costs little: keep-alive connections, ready-made requests, one thread."""

import asyncio
import time
from collections.abc import Iterator
from typing import NamedTuple


class Result(NamedTuple):
    """What a run saw."""

    requests: int
    seconds: float
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def request(path: str, key: str, body: bytes, headers: str = "") -> bytes:
    """The bytes of a POST; `headers` are further ones, each with its end of line."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\n"
        f"Content-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the last was answered."""

    def __init__(self, requests: Iterator[bytes], statuses: dict[int, int], until: float) -> None:
        self.requests = requests
        self.statuses = statuses
        self.until = until
        self.buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._next()

    def _next(self) -> None:
        body = next(self.requests, None) if time.perf_counter() < self.until else None
        if body is None:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
            return
        self.transport.write(body)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return
        status = int(head[9:12])
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("closed by the server"))


def run(port: int, requests: Iterator[bytes], *, connections: int, seconds: float = 3_600) -> Result:
    """Send requests over so many connections until there are none, or the time is up."""

    async def main() -> Result:
        statuses: dict[int, int] = {}
        began = time.perf_counter()
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(
                lambda: _Connection(requests, statuses, began + seconds), "127.0.0.1", port
            )
            for _ in range(connections)
        ]
        await asyncio.gather(*(protocol.done for _, protocol in made))
        return Result(sum(statuses.values()), time.perf_counter() - began, statuses)

    return asyncio.run(main())
