"""The story of `seatrial demo`: create, serve, roll, undo, and tell what happened to every request."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.api.registry import DEPLOYMENTS, EVENTS, PODS, SERVICES
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.cli import output
from seatrial.client import kubeconfig
from seatrial.client.base import Client
from seatrial.client.client import ApiClient
from seatrial.client.http import HttpTransport
from seatrial.machinery import objects
from seatrial.rollout import applying, load, manifests, revision_log, undoing, view
from seatrial.rollout.load import LoadOptions, LoadResult, Sample
from seatrial.rollout.view import RollView
from seatrial.rollout.watching import RollWatch
from seatrial.rollout.workload import Workload
from seatrial.workloads import ports

if TYPE_CHECKING:
    from seatrial.cluster.cluster import Cluster

NAME = "deployment-demo"
SERVICE = "deployment-demo-svc"
NAMESPACE = "default"
WORKLOAD = Workload(DEPLOYMENTS, NAME, NAMESPACE)
TIMEOUT_SECONDS = 50.0
CONNECTIONS = 16


@dataclass
class Story:
    """One performance. `folder` holds the manifests; `rate` is in requests per second."""

    folder: Path
    rate: int

    def __post_init__(self) -> None:
        self._live = output.Live()
        self._step = ""
        self._sample: Sample | None = None
        self._view: RollView | None = None

    async def play(self, cluster: "Cluster") -> JSON:
        """Everything from the first manifest to the report (shape: `_report`)."""
        client = ApiClient(HttpTransport(kubeconfig.load(cluster.kubeconfig)))
        started = cluster.env.monotonic()
        try:
            async with RollWatch(client, cluster.env, NAME, NAMESPACE) as roll:
                roll.on_change(self._on_view)
                await self._create(client, roll)
                result, rolled, undone = await self._roll_and_undo(client, roll, cluster)
                assert roll.view is not None
                self._live.done()
                return await _report(
                    client, roll, result, {"roll": rolled, "undo": undone}, cluster, cluster.env.monotonic() - started
                )
        finally:
            await client.aclose()

    async def _create(self, client: Client, roll: RollWatch) -> None:
        self._say("create the Service and 4 Pods of nginx:1.10.1")
        await applying.apply(client, manifests.read(self.folder / "deployment-demo-svc.yaml"))
        await self._apply_and_wait(client, roll, "deployment-demo-v0.1.yaml")

    async def _roll_and_undo(
        self, client: Client, roll: RollWatch, cluster: "Cluster"
    ) -> tuple[LoadResult, float, float]:
        stop = asyncio.Event()
        options = LoadOptions(url=await self._url(client, cluster), rate=self.rate, connections=CONNECTIONS)
        traffic = asyncio.ensure_future(load.run(options, cluster.env, stop, self._on_sample))
        try:
            roll.mark()
            clock = cluster.env.monotonic
            begin = clock()
            self._say("roll to nginx:1.11.9")
            await self._apply_and_wait(client, roll, "deployment-demo-v0.2.yaml")
            middle = clock()
            self._say("undo: roll back to nginx:1.10.1")
            await undoing.undo(client, WORKLOAD, 0, dry_run=False)
            deployment = await client.get(DEPLOYMENTS, NAME, NAMESPACE)
            await roll.complete(objects.generation(deployment), TIMEOUT_SECONDS)
            end = clock()
        finally:
            stop.set()
            result = await traffic
        return result, middle - begin, end - middle

    async def _apply_and_wait(self, client: Client, roll: RollWatch, file: str) -> None:
        applied = await applying.apply(client, manifests.read(self.folder / file))
        await roll.complete(objects.generation(applied[0]), TIMEOUT_SECONDS)

    async def _url(self, client: Client, cluster: "Cluster") -> str:
        service = await client.get(SERVICES, SERVICE, NAMESPACE)
        port = ports.reachable_port(int(service["spec"]["ports"][0]["port"]), cluster.lowest_bindable_port)
        return f"http://{service['spec']['clusterIP']}:{port}/"

    def _say(self, step: str) -> None:
        self._step = step
        self._draw()

    def _on_view(self, current: RollView) -> None:
        self._view = current
        self._draw()

    def _on_sample(self, sample: Sample) -> None:
        self._sample = sample
        if self._live.on_terminal:
            self._draw()

    def _draw(self) -> None:
        lines = [click.style(self._step, bold=True)]
        summary = self._step
        if self._view:
            current = self._view
            lines += [_bar(rs, current.maximum_total) for rs in current.replica_sets]
            held = current.available >= current.minimum_available
            lines.append(
                f"  available {click.style(str(current.available), fg=output.GREEN if held else output.YELLOW)}"
                f" of {current.desired} (promised: at least {current.minimum_available})"
            )
            sizes = ", ".join(f"{rs.images[0]} {rs.ready}/{rs.desired}" for rs in current.replica_sets)
            summary = f"{self._step}: {sizes}; {current.available} available"
        if self._sample:
            lines.append(_traffic(self._sample))
        self._live.show(lines, summary)


def _bar(rs: view.ReplicaSetView, width: int) -> str:
    pods = "●" * rs.ready + "○" * max(0, rs.desired - rs.ready)
    colour = output.BLUE if rs.is_new else output.YELLOW
    return f"  {rs.images[0]:<16} {click.style(pods.ljust(width), fg=colour)}  {rs.name}"


def _traffic(sample: Sample) -> str:
    total = sum(sample.versions.values()) or 1
    shares = ", ".join(f"{server} {100 * count // total} %" for server, count in sorted(sample.versions.items()))
    failed = click.style(str(sample.failed), fg=output.RED if sample.failed else output.GREEN)
    return f"  {sample.requests} requests, {failed} failed; just now: {shares}"


async def _report(
    client: Client, roll: RollWatch, result: LoadResult, seconds: dict[str, float], cluster: "Cluster", total: float
) -> JSON:
    final = roll.view
    if final is None:
        raise ToolError(f"deployment/{NAME} is gone")
    lowest = roll.lowest_available if roll.lowest_available is not None else 0
    revisions = await revision_log.of(client, WORKLOAD, await client.get(DEPLOYMENTS, NAME, NAMESPACE))
    events = (await client.list(EVENTS, NAMESPACE, field_selector=f"involvedObject.name={NAME}"))["items"]
    pods = (await client.list(PODS, NAMESPACE))["items"]
    return {
        "passed": result.failed == 0 and result.requests > 0 and lowest >= final.minimum_available and final.complete,
        "requests": result.requests,
        "failed": result.failed,
        "failures": [failure.as_json() for failure in result.failures[:20]],
        "answers_by_version": dict(sorted(result.versions.items())),
        "latency_seconds": result.latency_seconds(),
        "lowest_available": lowest,
        "promised_minimum": final.minimum_available,
        "seconds": {**{key: round(value, 2) for key, value in seconds.items()}, "total": round(total, 2)},
        "replica_sets": [
            {
                "name": rs.name,
                "revision": rs.revision,
                "images": list(rs.images),
                "desired": rs.desired,
                "ready": rs.ready,
            }
            for rs in final.replica_sets
        ],
        "pods": [{"name": objects.name(pod), "node": pod["spec"].get("nodeName", "")} for pod in pods],
        "history": [{"revision": r.number, "change_cause": r.cause, "images": list(r.images)} for r in revisions],
        "events": [
            {"type": event["type"], "reason": event["reason"], "message": event["message"]}
            for event in sorted(events, key=lambda event: int(event["metadata"]["resourceVersion"]))
        ],
        "url": cluster.url,
        "service_url": result.options.url,
        "kubeconfig": str(cluster.kubeconfig),
    }


def as_text(report: JSON) -> list[str]:
    """The report for people."""
    passed = report["passed"]
    verdict = "no request failed, and the minimum held" if passed else _what_failed(report)
    lines = [
        "",
        click.style(("PASSED: " if passed else "FAILED: ") + verdict, fg=output.GREEN if passed else output.RED),
    ]
    answers = ", ".join(f"{count} by {server}" for server, count in report["answers_by_version"].items())
    latency = ", ".join(f"{key} {value * 1000:.1f} ms" for key, value in report["latency_seconds"].items())
    seconds = report["seconds"]
    lines += output.columns(
        [
            ("requests", f"{report['requests']} sent, {report['failed']} failed"),
            ("answers", answers),
            ("latency", latency),
            (
                "available",
                f"at least {report['lowest_available']} Pods at any moment, {report['promised_minimum']} were promised",
            ),
            ("time", f"roll {seconds['roll']} s, undo {seconds['undo']} s, in all {seconds['total']} s"),
            ("kubeconfig", report["kubeconfig"]),
        ]
    )
    lines += [
        "",
        "ReplicaSets",
        *output.columns(
            [(rs["name"], f"{rs['ready']}/{rs['desired']}", *rs["images"]) for rs in report["replica_sets"]], "  "
        ),
    ]
    lines += [
        "",
        "Rollout history",
        *output.columns([(str(r["revision"]), r["change_cause"] or "<none>") for r in report["history"]], "  "),
    ]
    lines += ["", "Events", *output.columns([(e["type"], e["reason"], e["message"]) for e in report["events"]], "  ")]
    lines += [f"failed: {failure}" for failure in report["failures"]]
    return lines


def _what_failed(report: JSON) -> str:
    problems: list[str] = []
    if report["failed"] or not report["requests"]:
        problems.append(f"{report['failed']} of {report['requests']} requests failed")
    if report["lowest_available"] < report["promised_minimum"]:
        problems.append(
            f"only {report['lowest_available']} Pods were available, {report['promised_minimum']} were promised"
        )
    return "; ".join(problems) or "the roll is not complete"
