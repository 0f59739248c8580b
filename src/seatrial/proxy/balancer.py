"""Which endpoint the next connection goes to: at random over the usable ones, or the same one for the same client.

Pure: chance and time are handed in. Follows kube-proxy's iptables mode (`statistic mode random`, `recent` for
sessionAffinity: ClientIP).
"""

from collections.abc import Collection
from random import Random

from seatrial.proxy.decide import Endpoint

MAX_CLIENTS = 10_000


class Balancer:
    """The endpoints of one listener. A withdrawn Pod is never picked, whatever the table says."""

    def __init__(self, random: Random, affinity_seconds: float | None = None) -> None:
        self._random = random
        self._affinity = affinity_seconds
        self._clients: dict[str, tuple[Endpoint, float]] = {}
        self._ready: tuple[Endpoint, ...] = ()
        self._draining: tuple[Endpoint, ...] = ()
        self._withdrawn: Collection[str] = ()
        self._usable: tuple[Endpoint, ...] = ()

    @property
    def sticky(self) -> bool:
        """Whether `pick` looks at the client's address."""
        return self._affinity is not None

    @property
    def refuses(self) -> bool:
        """There is nothing to wait for: the table has no endpoint at all."""
        return not self._ready and not self._draining

    def update(
        self,
        ready: tuple[Endpoint, ...],
        draining: tuple[Endpoint, ...],
        affinity_seconds: float | None,
        withdrawn: Collection[str],
    ) -> None:
        """Take over the newest table; `withdrawn` are uids of Pods."""
        self._ready, self._draining, self._withdrawn = ready, draining, withdrawn
        self._affinity = affinity_seconds
        self.withdraw(withdrawn)

    def withdraw(self, withdrawn: Collection[str]) -> None:
        """Pods that may not be picked any more."""
        self._withdrawn = withdrawn
        usable = tuple(one for one in self._ready if one.pod_uid not in withdrawn)
        self._usable = usable or tuple(one for one in self._draining if one.pod_uid not in withdrawn)

    def routes_to(self, pod_uid: str) -> bool:
        """Whether the next connection could go to this Pod."""
        return any(one.pod_uid == pod_uid for one in self._usable)

    def can_spare(self, pod_uid: str) -> bool:
        """Whether somebody else would answer without this Pod, or the table knows already that it ends."""
        others = any(one.pod_uid != pod_uid for one in self._usable)
        return others or not any(one.pod_uid == pod_uid for one in self._ready)

    def usable(self, endpoint: Endpoint) -> bool:
        """Whether a connection to this endpoint may still begin."""
        return endpoint.pod_uid not in self._withdrawn and endpoint in self._usable

    def pick(self, client: str, now: float, tried: Collection[Endpoint] = ()) -> Endpoint | None:
        """An endpoint that was not tried yet; None when there is none."""
        choice = self._usable if not tried else tuple(one for one in self._usable if one not in tried)
        if not choice:
            return None
        if self._affinity is None:
            return choice[int(self._random.random() * len(choice))]
        return self._pick_for(client, now, choice)

    def _pick_for(self, client: str, now: float, choice: tuple[Endpoint, ...]) -> Endpoint:
        assert self._affinity is not None
        known = self._clients.pop(client, None)
        if known is not None and now - known[1] <= self._affinity and known[0] in choice:
            endpoint = known[0]
        else:
            endpoint = choice[int(self._random.random() * len(choice))]
        self._clients[client] = (endpoint, now)
        if len(self._clients) > MAX_CLIENTS:
            del self._clients[next(iter(self._clients))]
        return endpoint
