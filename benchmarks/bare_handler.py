"""The ceiling: a bare handler of the same HTTP library, with TLS, answering 600 bytes.

`python -m benchmarks.bare_handler DIR PORT`; DIR holds apiserver.crt and apiserver.key.
"""

import asyncio
import sys
from pathlib import Path

import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

BODY = b"x" * 600
HEADERS = [("content-type", "application/json")]


async def app(scope: object, proto: object) -> None:
    """Answer anything with the same bytes."""
    proto.response_bytes(200, HEADERS, BODY)  # type: ignore[attr-defined]


async def main(folder: Path, port: int) -> None:
    """Serve until killed, with the certificate in `folder`."""
    server = Server(
        app,
        address="127.0.0.1",
        port=port,
        interface=Interfaces.RSGI,
        ssl_cert=folder / "apiserver.crt",
        ssl_key=folder / "apiserver.key",
        log_enabled=False,
    )
    await server.serve()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Path(sys.argv[1]), int(sys.argv[2])))
