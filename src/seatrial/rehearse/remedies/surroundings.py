"""Remedies around a workload: configuration that is missing, quotas, budgets."""

import re
import shlex
from collections.abc import Iterator, Sequence

from seatrial.api.registry import CONFIG_MAPS, POD_DISRUPTION_BUDGETS, RESOURCE_QUOTAS, SECRETS, SERVICE_ACCOUNTS
from seatrial.base.types import JSON
from seatrial.machinery import objects, quantity
from seatrial.rehearse.result import Finding, Remedy
from seatrial.rehearse.rules.base import Case
from seatrial.rehearse.rules.causes import TWO_BUDGETS
from seatrial.rehearse.snapshots import assuming
from seatrial.workloads import rolling

_MADE = {resource.kind: resource for resource in (CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS)}
_CREATED = {"ConfigMap": "configmap", "Secret": "secret generic", "ServiceAccount": "serviceaccount"}
_EXCEEDED = re.compile(r"exceeded quota: (?P<name>\S+), requested: (?P<requested>\S+), used: (?P<used>\S+),")


def of(case: Case, causes: Sequence[Finding]) -> Iterator[Remedy]:
    """What has to be made, raised or relaxed before the change."""
    for cause in causes:
        if cause.rule in ("missing-configuration", "pods-refused"):
            yield from _made(case)
        elif cause.rule == "quota-reached":
            yield from _raised(case, cause.message)
        elif cause.rule == "drain-refused" and TWO_BUDGETS not in cause.message:
            yield from _sparing(case, cause.objects)


def _made(case: Case) -> Iterator[Remedy]:
    """All that its Pods need and that is not there, with the keys that they take of it."""
    lacking: dict[tuple[str, str, str], list[str]] = {}
    for reference, key in assuming.references(case.obj):
        kind, namespace, name = reference
        found = _found(case, kind, namespace, name)
        if kind in _MADE and (found is None or (key and key not in (found.get("data") or {}))):
            lacking.setdefault(reference, []).extend([key] if key else [])
    if not lacking:
        return
    shown = [f"{_MADE[kind].singular}/{name}" for kind, _, name in lacking]
    titles = [
        f"{' and '.join(keys)} added to {name}" if _found(case, *reference) else " with ".join([f"{name} made", *keys])
        for name, (reference, keys) in zip(shown, lacking.items(), strict=True)
    ]
    title = " and ".join(titles)
    manifests = tuple(_manifest(reference, keys, _found(case, *reference)) for reference, keys in lacking.items())
    said = " && ".join(
        _command(reference, keys, _found(case, *reference) is not None) for reference, keys in lacking.items()
    )
    yield Remedy(title, shown[0], case.target.namespace, action="create", manifests=manifests, said=said)


def _found(case: Case, kind: str, namespace: str, name: str) -> JSON | None:
    there = case.course.all(_MADE[kind]) if kind in _MADE else ()
    return next((each for each in there if objects.key(each) == (namespace, name)), None)


def _manifest(reference: tuple[str, str, str], keys: Sequence[str], found: JSON | None) -> JSON:
    """To be applied: with what is there of it already."""
    kind, namespace, name = reference
    data = {"data": {**((found or {}).get("data") or {}), **dict.fromkeys(keys, "")}} if keys else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **data}


def _command(reference: tuple[str, str, str], keys: Sequence[str], exists: bool) -> str:
    """What the values are only the reader knows."""
    kind, namespace, name = reference
    if exists:
        field = "stringData" if kind == "Secret" else "data"
        patch = "{" + f'"{field}": {{' + ", ".join(f'"{key}": "VALUE"' for key in keys) + "}}"
        return f"kubectl patch {_MADE[kind].singular}/{name} -n {namespace} --type=merge -p {shlex.quote(patch)}"
    literals = "".join(f" --from-literal={shlex.quote(f'{key}=VALUE')}" for key in keys)
    return f"kubectl create {_CREATED[kind]} {name} -n {namespace}{literals}"


def _raised(case: Case, message: str) -> Iterator[Remedy]:
    """Room for what the workload is about to make beyond what there is."""
    found = _EXCEEDED.search(message)
    quotas = {objects.name(each): each for each in case.there(RESOURCE_QUOTAS)}
    if not found or found["name"] not in quotas:
        return
    more = rolling.limits(case.spec).max_surge if case.rolls and case.replaces else 0
    used, requested = _amounts(found["used"]), _amounts(found["requested"])
    # Of ReplicaSets one is made, however many Pods it will have.
    of_pods = any(name == "count/pods" or not name.startswith("count/") for name in requested)
    more = max(more, case.counts.desired - case.counts.total, 1) if of_pods else 1
    hard = {
        name: quantity.like(quantity.parse(used[name]) + more * quantity.parse(amount), used[name])
        for name, amount in requested.items()
    }
    shown = ", ".join(f"{name} {amount}" for name, amount in hard.items())
    name = f"{RESOURCE_QUOTAS.singular}/{found['name']}"
    yield Remedy(f"{name} raised to {shown}", name, case.target.namespace, {"spec": {"hard": hard}})


def _amounts(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in text.split(","))


def _sparing(case: Case, concerned: Sequence[str]) -> Iterator[Remedy]:
    for budget in case.there(POD_DISRUPTION_BUDGETS):
        spec = {"maxUnavailable": 1, "minAvailable": None}
        name = f"{POD_DISRUPTION_BUDGETS.singular}/{objects.name(budget)}"
        if name in concerned:
            yield Remedy("a budget that spares one Pod", name, case.target.namespace, {"spec": spec})
