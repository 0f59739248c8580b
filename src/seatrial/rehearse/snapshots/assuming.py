"""What Pods use and a snapshot lacks because it has nothing of that kind: assumed to exist, and told. Pure.

A dump of `kubectl get all` has no ConfigMaps, Secrets, claims, service accounts or classes; a user may not be allowed
to read Secrets. Of a kind that is in the snapshot everything is in there: what is missing is missing, unless something
in there makes it (making.py). Storage classes are storage.py's.
"""

from collections.abc import Iterator, Mapping, Sequence

from seatrial.api.scheduling_v1.priority_class import SYSTEM_CLASSES
from seatrial.base.types import JSON
from seatrial.machinery import objects
from seatrial.rehearse.snapshots import making

Reference = tuple[str, str, str]
"""(kind, namespace, name)."""
CONFIGURATION = ("ConfigMap", "Secret")
CLAIM = "PersistentVolumeClaim"
ACCOUNT, PRIORITY, RUNTIME = "ServiceAccount", "PriorityClass", "RuntimeClass"
NAMED_ALONE = (ACCOUNT, PRIORITY, RUNTIME)
"""Kinds of which a Pod takes nothing by a key."""
EVERYWHERE = frozenset({"default", *SYSTEM_CLASSES})
"""Accounts and classes that every cluster has."""
ROOT_CA, KUBERNETES = "kube-root-ca.crt", "Kubernetes"
"""The ConfigMap that is in every namespace, and who puts it there."""


def missing(known: Sequence[JSON]) -> tuple[list[JSON], list[str]]:
    """Made-up objects, and what to tell of them. `known`: all objects, those that the change will bring included."""
    kinds = {str(obj.get("kind")) for obj in known}
    there = {(str(obj.get("kind")), *objects.key(obj)) for obj in known}
    wanted: dict[Reference, set[str]] = {}
    for obj in known:
        for reference, key in references(obj):
            wanted.setdefault(reference, set()).update([key] if key else [])
    unknown = [each for each in sorted(wanted) if each[0] not in kinds and each[2] != ROOT_CA]
    absent = [each for each in sorted(wanted) if each[0] in CONFIGURATION and each not in (*there, *unknown)]
    makers = {each: by for each in absent if (by := _maker(each, known))}
    priorities = _priorities(known)
    made = [part for each in (*unknown, *makers) for part in _made(each, wanted[each], priorities)]
    pulls = {("Secret", *each) for obj in known for each in pull_secrets(obj)} if "Secret" in kinds else set()
    without = [each for each in sorted(pulls - there) if not _maker(each, known)]
    return made, [*_told(unknown, priorities), *_told_of_makers(makers), *_told_of_pulls(without)]


def _maker(reference: Reference, known: Sequence[JSON]) -> str:
    return KUBERNETES if reference[2] == ROOT_CA else making.maker(*reference, known)


def _told_of_makers(makers: Mapping[Reference, str]) -> Iterator[str]:
    for (kind, _, name), by in makers.items():
        if by != KUBERNETES:
            yield f"{kind} {name} is not there, and {by} may make it: assumed to exist"


def _told_of_pulls(without: Sequence[Reference]) -> Iterator[str]:
    if without:
        names = ", ".join(name for _, _, name in without)
        yield f"imagePullSecrets that are not there: {names}; images are assumed to be pulled without them"


def _priorities(known: Sequence[JSON]) -> dict[str, int]:
    """Class → priority, as Pods have it that are there."""
    specs = [obj["spec"] for obj in known if obj.get("kind") == "Pod" and isinstance(obj.get("spec"), dict)]
    return {
        str(spec["priorityClassName"]): int(spec.get("priority") or 0)
        for spec in specs
        if spec.get("priorityClassName")
    }


def _told(wanted: Sequence[Reference], priorities: Mapping[str, int]) -> Iterator[str]:
    for kind in CONFIGURATION:
        names = [name for each, _, name in wanted if each == kind]
        if names:
            yield f"no {kind} is known: {', '.join(names)} assumed to exist, with the keys that Pods use"
    for kind in NAMED_ALONE:
        names = [name for each, _, name in wanted if each == kind]
        if kind == PRIORITY:
            names = [f"{name} ({priorities.get(name, 0)})" for name in names]
        if names:
            yield f"no {kind} is known: {', '.join(names)} assumed to exist"
    claims = [name for each, _, name in wanted if each == CLAIM]
    if claims:
        yield f"no {CLAIM} is known: {', '.join(claims)} assumed to be bound, to volumes that every node can mount"


def _made(reference: Reference, keys: set[str], priorities: Mapping[str, int]) -> Iterator[JSON]:
    kind, namespace, name = reference
    if kind in NAMED_ALONE:
        yield _named_alone(kind, namespace, name, priorities.get(name, 0))
        return
    if kind in CONFIGURATION:
        data = dict.fromkeys(sorted(keys), "")
        yield {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, "data": data}
        return
    modes, size = ["ReadWriteMany"], {"storage": "1Gi"}
    volume, uid = f"assumed-{namespace}-{name}", f"assumed-{namespace}-{name}"
    claimed = {"kind": kind, "apiVersion": "v1", "namespace": namespace, "name": name, "uid": uid}
    source = {"nfs": {"server": "assumed", "path": f"/{name}"}}
    yield {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume, "annotations": {"pv.kubernetes.io/bound-by-controller": "yes"}},
        "spec": {"accessModes": modes, "capacity": size, "claimRef": claimed, **source},
        "status": {"phase": "Bound"},
    }
    yield {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": uid,
            "annotations": {"pv.kubernetes.io/bind-completed": "yes"},
        },
        "spec": {
            "accessModes": modes,
            "resources": {"requests": size},
            "volumeName": volume,
            "storageClassName": "",
        },
        "status": {"phase": "Bound", "accessModes": modes, "capacity": size},
    }


def _named_alone(kind: str, namespace: str, name: str, priority: int) -> JSON:
    made: JSON = {"kind": kind, "metadata": {"name": name, "namespace": namespace}}
    if kind == PRIORITY:
        return {**made, "apiVersion": "scheduling.k8s.io/v1", "value": priority}
    if kind == RUNTIME:
        return {**made, "apiVersion": "node.k8s.io/v1", "handler": "assumed"}
    return {**made, "apiVersion": "v1"}


def references(obj: JSON) -> Iterator[tuple[Reference, str]]:
    """What the Pods of an object can't be without, each with the key that they take of it, or ""."""
    spec = _pod_spec(obj)
    namespace = objects.namespace(obj)
    for kind, name in _of_pod(spec):
        if name and name not in EVERYWHERE:
            yield (kind, namespace if kind == ACCOUNT else "", str(name)), ""
    for kind, name, key in (*_of_containers(spec), *_of_volumes(spec)):
        if name:
            yield (kind, namespace, str(name)), str(key)


def pull_secrets(obj: JSON) -> Iterator[tuple[str, str]]:
    """(namespace, name) of the Secrets with which the images of its Pods are pulled; nodes try it without them, too."""
    for each in objects.dicts(_pod_spec(obj), "imagePullSecrets"):
        if each.get("name"):
            yield objects.namespace(obj), str(each["name"])


def _pod_spec(obj: JSON) -> JSON:
    """The spec of the Pod, or of an object's template; {} where there is none."""
    spec = obj.get("spec") if obj.get("kind") == "Pod" else objects.get(obj, "spec", "template", "spec")
    return spec if isinstance(spec, dict) else {}


def _of_pod(spec: JSON) -> Iterator[tuple[str, str]]:
    yield ACCOUNT, spec.get("serviceAccountName") or spec.get("serviceAccount") or ""
    yield PRIORITY, spec.get("priorityClassName") or ""
    yield RUNTIME, spec.get("runtimeClassName") or ""


def _of_containers(spec: JSON) -> Iterator[tuple[str, str, str]]:
    for container in (*objects.dicts(spec, "initContainers"), *objects.dicts(spec, "containers")):
        for source in objects.dicts(container, "envFrom"):
            for kind, field in (("ConfigMap", "configMapRef"), ("Secret", "secretRef")):
                given = objects.get(source, field, default={})
                if not given.get("optional"):
                    yield kind, given.get("name", ""), ""
        for variable in objects.dicts(container, "env"):
            for kind, field in (("ConfigMap", "configMapKeyRef"), ("Secret", "secretKeyRef")):
                source = objects.get(variable, "valueFrom", field, default={})
                if not source.get("optional"):
                    yield kind, source.get("name", ""), source.get("key", "")


def _of_volumes(spec: JSON) -> Iterator[tuple[str, str, str]]:
    for volume in objects.dicts(spec, "volumes"):
        yield CLAIM, objects.get(volume, "persistentVolumeClaim", "claimName", default=""), ""
        for source in (volume, *objects.get(volume, "projected", "sources", default=[])):
            for kind, field, name in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
                given = objects.get(source, field, default={})
                if given.get("optional"):
                    continue
                wanted = given.get(name) or given.get("name") or ""
                for key in [item.get("key", "") for item in given.get("items") or ()] or [""]:
                    yield kind, wanted, key
