"""The story of `seatrial demo rbd`, the first article's: a lock that a dead node has left behind, and what frees it."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seatrial.api.registry import EVENTS, PODS
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.cli import output, rescue_report
from seatrial.client import kubeconfig
from seatrial.client.base import Client
from seatrial.client.client import ApiClient
from seatrial.client.http import HttpTransport
from seatrial.machinery import conditions, objects
from seatrial.rescue.findings import Finding, Verdict
from seatrial.rescue.image_access import StoreImages
from seatrial.rescue.steps import COMPONENT, Rescuer
from seatrial.rollout import applying, draining, manifests
from seatrial.volumes.rbd.images import ImageName
from seatrial.workloads import ports

if TYPE_CHECKING:
    from seatrial.cluster.cluster import Cluster

IMAGE = ImageName("mioss", "index-api-image")
SIZE = 64 << 20
NAMESPACE = "default"
RECORDS = 100
PORT = 8080
LOOK_SECONDS = 1.0
LOCKED = "is locked by other nodes"


@dataclass
class Story:
    """One performance. `folder` holds the manifests; `patience`: seconds that any one wait may take."""

    folder: Path
    patience: float = 75.0
    _records: list[str] = field(default_factory=list)

    async def play(self, cluster: "Cluster") -> JSON:
        """Everything from the image to the report."""
        assert cluster.images is not None
        client = ApiClient(HttpTransport(kubeconfig.load(cluster.kubeconfig)))
        rescuer = Rescuer(client, StoreImages(cluster.images.store), cluster.env)
        began = cluster.env.monotonic()
        try:
            old = await self._write(client, cluster)
            node = str(old["spec"]["nodeName"])
            await self._crash(client, cluster, node)
            stuck = await self._stick(client, cluster, old)
            finding = await self._judge(rescuer, objects.key(stuck), cluster)
            steps = await self._fix(rescuer, finding)
            found = await self._read(client, cluster, objects.uid(old))
            events = await _events(client, stuck)
            seconds = cluster.env.monotonic() - began
            return self._report(cluster, finding, steps, found, events, seconds)
        finally:
            await client.aclose()

    # --- the story ---

    async def _write(self, client: Client, cluster: "Cluster") -> JSON:
        assert cluster.images is not None
        _say(f"make the image {IMAGE}, its volume and claim, and a Pod that writes to it")
        await cluster.images.store.create_pool(IMAGE.pool)
        await cluster.images.store.create(IMAGE, SIZE)
        for file in ("index-api-pv.yaml", "index-api-v1.yaml"):
            await applying.apply(client, manifests.read(self.folder / file))
        pod = await self._until(client, cluster, _ready)
        for number in range(1, RECORDS + 1):
            record = f"document {number}"
            code, _ = await _ask("POST", _url(pod, cluster), record.encode())
            if code == 201:
                self._records.append(record)
        _say(f"{len(self._records)} records are written and acknowledged on {pod['spec']['nodeName']}")
        return pod

    async def _crash(self, client: Client, cluster: "Cluster", node: str) -> None:
        assert cluster.images is not None
        _say(f"{node} crashes: agent and processes are gone; its lock stays")
        await cluster.nodes[node].crash()
        for lock in await cluster.images.store.locks(IMAGE):
            click.echo(f"  rbd lock list: {lock.locker}  {lock.id}  {lock.address}", err=True)
        await draining.cordon(client, node, lambda step: None, unschedulable=True, dry_run=False)

    async def _stick(self, client: Client, cluster: "Cluster", old: JSON) -> JSON:
        _say("update: kubectl apply -f index-api-v2.yaml; the new Pod lands on another node")
        await applying.apply(client, manifests.read(self.folder / "index-api-v2.yaml"))
        pod = await self._until(client, cluster, lambda pod: objects.uid(pod) != objects.uid(old) and _placed(pod))
        events: list[tuple[str, str]] = []
        async with asyncio.timeout(self.patience):
            while not any(LOCKED in message for _, message in events):
                await asyncio.sleep(LOOK_SECONDS)
                events = await _events(client, pod)
        for reason, message in events:
            click.echo(f"  {reason}: {message}", err=True)
        return pod

    async def _judge(self, rescuer: Rescuer, pod: tuple[str, str], cluster: "Cluster") -> Finding:
        """Until it is proven that the lock is stale; each new verdict is shown."""
        last, deadline = "", cluster.env.monotonic() + self.patience
        while True:
            looked = await rescuer.look(pod)
            if looked is None:
                raise ToolError(f"pod {pod[1]} is gone")
            finding = looked[1]
            if finding.because != last:
                last = finding.because
                _say("seatrial rescue")
                click.echo("\n".join(f"  {line}" for line in rescue_report.lines(finding)), err=True)
            if finding.verdict is Verdict.STALE or cluster.env.monotonic() > deadline:
                return finding
            await asyncio.sleep(LOOK_SECONDS)

    async def _fix(self, rescuer: Rescuer, finding: Finding) -> list[str]:
        _say("seatrial rescue --fix")
        done: list[str] = []

        def on_step(step: object) -> None:
            done.append(str(step))
            click.echo(f"  done: {step}", err=True)

        await rescuer.fix(finding, on_step)
        return done

    async def _read(self, client: Client, cluster: "Cluster", old_uid: str) -> list[str]:
        pod = await self._until(client, cluster, lambda pod: objects.uid(pod) != old_uid and _ready(pod))
        code, body = await _ask("GET", _url(pod, cluster))
        found = body.decode().splitlines() if code == 200 else []
        _say(f"{objects.name(pod)} runs on {pod['spec']['nodeName']} and has {len(found)} records")
        return found

    async def _until(self, client: Client, cluster: "Cluster", condition: Callable[[JSON], bool]) -> JSON:
        """The Pod of the Deployment that is as it should be."""
        async with asyncio.timeout(self.patience):
            while True:
                for pod in (await client.list(PODS, NAMESPACE, label_selector="app=index-api"))["items"]:
                    if condition(pod):
                        return dict(pod)
                await asyncio.sleep(LOOK_SECONDS / 4)

    def _report(
        self,
        cluster: "Cluster",
        finding: Finding,
        steps: list[str],
        found: list[str],
        events: list[tuple[str, str]],
        seconds: float,
    ) -> JSON:
        missing = [record for record in self._records if record not in found]
        return {
            "passed": finding.verdict is Verdict.STALE
            and bool(steps)
            and not missing
            and len(self._records) == RECORDS,
            "acknowledged": len(self._records),
            "found": len(found),
            "missing": missing[:20],
            "finding": finding.as_json(),
            "steps": steps,
            "events": [{"reason": reason, "message": message} for reason, message in events],
            "seconds": round(seconds, 2),
            "images": cluster.images.shown if cluster.images else "",
            "kubeconfig": str(cluster.kubeconfig),
        }


def as_text(report: JSON) -> list[str]:
    """The report for people."""
    passed = report["passed"]
    verdict = f"{report['found']} of {report['acknowledged']} acknowledged records are there"
    rows = [
        ("verdict", f"{report['finding']['verdict_text']}: {report['finding']['because']}"),
        *(("step" if number == 0 else "", step) for number, step in enumerate(report["steps"])),
        ("images", report["images"]),
        ("time", f"{report['seconds']} s"),
        ("kubeconfig", report["kubeconfig"]),
    ]
    head = click.style(("PASSED: " if passed else "FAILED: ") + verdict, fg=output.GREEN if passed else output.RED)
    return ["", head, *output.columns(rows)]


def _say(step: str) -> None:
    """Progress, for people: not part of the report."""
    click.echo(click.style(step, bold=True), err=True)


def _placed(pod: JSON) -> bool:
    return bool(pod["spec"].get("nodeName"))


def _ready(pod: JSON) -> bool:
    return conditions.is_true(pod, "Ready") and not objects.is_terminating(pod)


async def _events(client: Client, pod: JSON) -> list[tuple[str, str]]:
    """(reason, message) of its warnings and of what Rescue did, in order."""
    found = (await client.list(EVENTS, NAMESPACE, field_selector=f"involvedObject.uid={objects.uid(pod)}"))["items"]
    ours = (COMPONENT, "default-scheduler")
    told = [e for e in found if e["type"] == "Warning" or e.get("reportingComponent") in ours]
    return [(e["reason"], e["message"]) for e in sorted(told, key=objects.resource_version)]


def _url(pod: JSON, cluster: "Cluster") -> str:
    return f"http://{pod['status']['podIP']}:{ports.reachable_port(PORT, cluster.lowest_bindable_port)}/"


async def _ask(method: str, url: str, body: bytes | None = None) -> tuple[int, bytes]:
    """(code, body); code 0 when nobody answers."""

    def ask() -> tuple[int, bytes]:
        request = urllib.request.Request(url, data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    return await asyncio.to_thread(ask)
