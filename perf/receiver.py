"""A merchant's server that costs next to nothing: it answers 200 and notes when which webhook came.

`python -m perf.receiver` is a process of its own, so that it takes no time from what is measured. It prints its port;
GET /received gives the webhooks since the last question, as JSON: ids and Unix seconds, in the order they came.
"""

import asyncio
import json
import time
from typing import Final

_ANSWER: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_received: list[tuple[str, float]] = []


class Connection(asyncio.Protocol):
    """One kept-alive connection; a request is read as far as its length says."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what answers are written to."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
            length = end + 4 + int(headers.get("content-length", "0"))
            if len(self._buffer) < length:
                return
            self._buffer = self._buffer[length:]
            assert self._transport is not None
            self._transport.write(self._answer(first, headers))

    def _answer(self, first: str, headers: dict[str, str]) -> bytes:
        if not first.startswith("GET /received "):
            _received.append((headers["webhook-id"], time.time()))
            return _ANSWER
        body = json.dumps(_received).encode()
        _received.clear()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


async def serve() -> None:
    """Serve on a free port until killed."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
