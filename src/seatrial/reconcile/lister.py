"""What a controller's `gather` may read: the informers' caches, and the API itself where a rule demands it."""

from collections.abc import Sequence

from seatrial.base.errors import StatusError
from seatrial.base.types import JSON, Key
from seatrial.client.base import Reader
from seatrial.machinery.gvk import ResourceRef
from seatrial.reconcile.cache import Cache
from seatrial.reconcile.informer import Informers


class Lister:
    """Implements controller.CacheReader over shared informers."""

    def __init__(self, informers: Informers, client: Reader, started_at: float = 0.0) -> None:
        self._informers, self._client = informers, client
        self._started_at = started_at

    @property
    def started_at(self) -> float:
        return self._started_at

    def get(self, resource: ResourceRef, key: Key) -> JSON | None:
        return self._cache(resource).get(key)

    def list(self, resource: ResourceRef, namespace: str = "") -> Sequence[JSON]:
        return self._cache(resource).list(namespace)

    def owned_by(self, resource: ResourceRef, uid: str) -> Sequence[JSON]:
        return self._cache(resource).owned_by(uid)

    def orphans(self, resource: ResourceRef, namespace: str) -> Sequence[JSON]:
        return self._cache(resource).orphans(namespace)

    async def live(self, resource: ResourceRef, key: Key) -> JSON | None:
        namespace, name = key
        try:
            return await self._client.get(resource, name, namespace)
        except StatusError as error:
            if error.reason == "NotFound":
                return None
            raise

    async def live_list(self, resource: ResourceRef, namespace: str) -> Sequence[JSON]:
        answer = await self._client.list(resource, namespace)
        return answer.get("items") or []

    def _cache(self, resource: ResourceRef) -> Cache:
        informer = self._informers.known(resource)
        if informer is None:
            raise LookupError(f"{resource.qualified} is neither watched nor among the controller's reads")
        return informer.cache
