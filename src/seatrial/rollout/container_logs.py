"""The last words of a container that is in the way."""

import asyncio

from seatrial.base.errors import StatusError
from seatrial.client.base import Client
from seatrial.rollout.obstacles import Obstacle

PATIENCE_SECONDS = 10.0


async def last_lines(client: Client, obstacle: Obstacle, namespace: str, count: int) -> list[str]:
    """Of the run that crashed last, or else of the one that doesn't get ready; none where they can't be had."""
    if not obstacle.container:
        return []
    query = {"container": obstacle.container, "tailLines": str(count)}
    if obstacle.reason == "CrashLoop":
        query["previous"] = "true"
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            data = b"".join([chunk async for chunk in client.logs(obstacle.pod, namespace, query)])
    except (StatusError, ConnectionError, TimeoutError):
        return []
    return data.decode(errors="replace").strip().splitlines()[-count:]
