"""Which cluster a command works on: --kubeconfig, --context and -n, and the client that they make."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seatrial.aio import loops

if TYPE_CHECKING:
    from seatrial.client.base import Client

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_OPTIONS = (
    click.option("--kubeconfig", type=click.Path(dir_okay=False, path_type=Path), help="Path to the kubeconfig file."),
    click.option("--context", default="", help="The kubeconfig's context to use."),
    click.option("-n", "--namespace", default="", help="The namespace, if it isn't the context's."),
)


def options(function: F) -> F:
    """Add the three options; the function gets kubeconfig, context and namespace."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def run(
    work: Callable[["Client", str], Awaitable[T]], kubeconfig: Path | None, context: str, namespace: str, agent: str
) -> T:
    """Do the work with a client of that cluster and the namespace that counts; a bad connection is ridden out."""
    from seatrial.base.env import SystemEnv
    from seatrial.client import kubeconfig as files
    from seatrial.client.client import ApiClient
    from seatrial.client.http import HttpTransport
    from seatrial.client.persistent import PersistentTransport

    access = files.load(kubeconfig, context)

    async def whole() -> T:
        client = ApiClient(PersistentTransport(HttpTransport(access, user_agent=agent), SystemEnv()))
        try:
            return await work(client, namespace or access.namespace)
        finally:
            await asyncio.shield(client.aclose())

    return loops.run(whole())
