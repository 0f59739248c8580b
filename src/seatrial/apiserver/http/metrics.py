"""Counters, as GET /metrics tells them in Prometheus' text format. Counting costs one addition per request.

Names and labels are those of kube-apiserver (k8s.io/apiserver/pkg/endpoints/metrics).
"""

from collections import Counter
from collections.abc import Iterable

RequestKey = tuple[str, str, str, int]
"""(verb, qualified resource or "", subresource, code)"""


class Metrics:
    """What the HTTP server has done so far. Resources are named `plural.group`."""

    def __init__(self) -> None:
        self.requests: Counter[RequestKey] = Counter()
        self.watches: Counter[str] = Counter()
        """Open watches."""
        self.watch_events: Counter[str] = Counter()

    def render(self, revision: int) -> str:
        """The text of /metrics."""
        return "\n".join((*self._requests(), *self._watches(), *_gauge(revision))) + "\n"

    def _requests(self) -> Iterable[str]:
        yield "# HELP apiserver_request_total Counter of apiserver requests by verb, resource and code."
        yield "# TYPE apiserver_request_total counter"
        for (verb, resource, subresource, code), count in sorted(self.requests.items()):
            labels = f'code="{code}",{_labels(resource)},subresource="{subresource}",verb="{verb.upper()}"'
            yield f"apiserver_request_total{{{labels}}} {count}"

    def _watches(self) -> Iterable[str]:
        yield "# HELP apiserver_longrunning_requests Gauge of all active long-running requests."
        yield "# TYPE apiserver_longrunning_requests gauge"
        for resource, count in sorted(self.watches.items()):
            yield f'apiserver_longrunning_requests{{{_labels(resource)},verb="WATCH"}} {count}'
        yield "# HELP apiserver_watch_events_total Number of events sent in watch clients."
        yield "# TYPE apiserver_watch_events_total counter"
        for resource, count in sorted(self.watch_events.items()):
            yield f"apiserver_watch_events_total{{{_labels(resource)}}} {count}"


def _gauge(revision: int) -> Iterable[str]:
    yield "# HELP seatrial_store_revision The newest resourceVersion."
    yield "# TYPE seatrial_store_revision gauge"
    yield f"seatrial_store_revision {revision}"


def _labels(qualified: str) -> str:
    plural, _, group = qualified.partition(".")
    return f'group="{group}",resource="{plural}"'
