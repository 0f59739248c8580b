"""The API server: store, registry, handlers, and, when the cluster serves, the listeners."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from seatrial.api import schema_set
from seatrial.api.schema_set import SchemaSet
from seatrial.apiserver import bootstrap
from seatrial.apiserver.admission import chain, change_cause
from seatrial.apiserver.admission.base import Plugin, no_stamp
from seatrial.apiserver.handlers.dispatch import Handlers
from seatrial.apiserver.http.app import App
from seatrial.apiserver.http.auth import TokenAuthenticator
from seatrial.apiserver.http.metrics import Metrics
from seatrial.apiserver.http.server import Certificate, Listener
from seatrial.apiserver.loopback import LoopbackTransport
from seatrial.apiserver.node_access import FindNode, InflictFault
from seatrial.apiserver.registry import Registry
from seatrial.apiserver.service_network import ServiceNetwork
from seatrial.apiserver.users import UserInfo
from seatrial.base.env import Env
from seatrial.base.errors import ToolError
from seatrial.client.base import Transport
from seatrial.client.client import ApiClient
from seatrial.client.paced import Pace, PacedTransport
from seatrial.cluster.addresses import Addresses
from seatrial.cluster.certificates import Credentials
from seatrial.cluster.config import DEFAULT_RELEASE, ClusterConfig
from seatrial.store.base import Store

TRUE_CHANGE_CAUSES = True
"""False: causes as Kubernetes leaves them, for whoever wants to see that."""
_BEHAVIOUR_ONLY = ("1.20", "1.21", "1.22", "1.23", "1.24")
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class ControlPlane:
    """The API over a store. `pace`: how long writes of clients in this process take."""

    registry: Registry
    handlers: Handlers
    pace: Pace | None = None

    def client(self, component: str, field_manager: str = "") -> ApiClient:
        """A client in this process; `field_manager` is its name in managedFields, where that is not the component's."""
        user = UserInfo(f"system:{component}", ("system:masters", "system:authenticated"))
        direct: Transport = LoopbackTransport(self.handlers, user, field_manager or component)
        if self.pace is None:
            return ApiClient(direct)
        return ApiClient(PacedTransport(direct, self.pace, self.registry.env))


def schemas_of(release: str) -> SchemaSet:
    """The schemas of a release such as "1.32". Raises ToolError for one that is not known."""
    known = schema_set.releases()
    if release not in known:
        raise ToolError(f"--kubernetes-version {release} is not known; there are {known[0]} to {known[-1]}")
    return schema_set.load(release)


def spoken(release: str) -> str:
    """The release whose API stands in for `release`: 1.20 to 1.24, whose behaviour is known, have no schemas here."""
    return DEFAULT_RELEASE if release in _BEHAVIOUR_ONLY else release


async def make(
    store: Store,
    env: Env,
    config: ClusterConfig,
    addresses: Addresses,
    find_node: FindNode,
    inflict: InflictFault,
    admission: Sequence[Plugin] = (),
) -> ControlPlane:
    """The API server with the namespaces that are always there. `admission`: plugins beside its own.

    Raises ToolError for an unknown release.
    """
    release = config.kubernetes_version
    schemas = schemas_of(release)
    network = ServiceNetwork(str(addresses.services), env)
    registry = Registry(
        store,
        env,
        schemas,
        service_network=network,
        plugins=(*chain.WITH_EXISTING_ACCOUNTS, *admission),
        stamp=change_cause.stamp if TRUE_CHANGE_CAUSES else no_stamp,
    )
    await bootstrap.bootstrap(registry)
    return ControlPlane(registry, Handlers(registry, env, find_node=find_node, inflict=inflict, release=release))


@dataclass(frozen=True)
class Served:
    """Where the API can be reached over the network."""

    url: str
    insecure_url: str
    port: int


async def serve(plane: ControlPlane, config: ClusterConfig, credentials: Credentials, stack: AsyncExitStack) -> Served:
    """Listen with TLS, and in plain HTTP on loopback if asked for. Raises ToolError when a port can't be had."""
    if config.insecure_port is not None and config.host not in LOOPBACK_HOSTS:
        raise ToolError(
            "--insecure-port asks for no credentials and is for loopback only: use it with --bind 127.0.0.1"
        )
    metrics = Metrics()
    secure = Listener(
        App(plane.handlers, TokenAuthenticator(credentials.token), metrics),
        config.host,
        config.port,
        Certificate(credentials.certificate_file, credentials.key_file),
    )
    listeners = [secure]
    if config.insecure_port is not None:
        open_app = App(plane.handlers, TokenAuthenticator(""), metrics)
        listeners.append(Listener(open_app, "127.0.0.1", config.insecure_port))
    for listener in listeners:
        await listener.start()
        stack.push_async_callback(listener.stop)
    return Served(secure.url, listeners[1].url if len(listeners) > 1 else "", secure.port)
