"""Quotas and limit ranges: who is refused in which words, what is charged, what is filled in."""

from typing import Any

import pytest

from seatrial.api.registry import CONFIG_MAPS, LIMIT_RANGES, PERSISTENT_VOLUME_CLAIMS, PODS, RESOURCE_QUOTAS, SERVICES
from seatrial.base.types import JSON
from seatrial.machinery import objects
from unit.apiserver.registry_world import World, refused, tell


def quota(hard: dict[str, str], name: str = "q", **spec: Any) -> JSON:
    return {"metadata": {"name": name}, "spec": {"hard": hard, **spec}}


async def a_quota(world: World, hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> None:
    """A quota whose usage the controller has counted."""
    made = await world.make(RESOURCE_QUOTAS, quota(hard, **spec))
    counted = {**dict.fromkeys(hard, "0"), **(used or {})}
    await world.put(RESOURCE_QUOTAS, {**made, "status": {"hard": hard, "used": counted}}, "status")


async def used(world: World, name: str = "q") -> dict[str, str]:
    found = await world.now(RESOURCE_QUOTAS, name)
    assert found is not None
    amounts: dict[str, str] = found["status"]["used"]
    return amounts


def a_pod(name: str = "p", requests: JSON | None = None, limits: JSON | None = None, **spec: Any) -> JSON:
    resources = {key: value for key, value in (("requests", requests), ("limits", limits)) if value}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": "x", "resources": resources}], **spec},
    }


@pytest.mark.parametrize(
    ("hard", "taken", "pod", "why"),
    [
        pytest.param(
            {"pods": "3"},
            {"pods": "3"},
            a_pod(),
            "exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3",
            id="pods",
        ),
        pytest.param(
            {"count/pods": "1", "pods": "9"},
            {"count/pods": "1"},
            a_pod(),
            "exceeded quota: q, requested: count/pods=1, used: count/pods=1, limited: count/pods=1",
            id="count/pods: only what is exceeded is told",
        ),
        pytest.param(
            {"requests.cpu": "1", "limits.memory": "1Gi"},
            {"requests.cpu": "800m", "limits.memory": "1Gi"},
            a_pod(requests={"cpu": "300m"}, limits={"cpu": "1", "memory": "128Mi"}),
            "exceeded quota: q, requested: limits.memory=128Mi,requests.cpu=300m, "
            "used: limits.memory=1Gi,requests.cpu=800m, limited: limits.memory=1Gi,requests.cpu=1",
            id="several",
        ),
        pytest.param(
            {"requests.x.io/gpu": "1"},
            {"requests.x.io/gpu": "1"},
            a_pod(requests={"x.io/gpu": "1"}, limits={"x.io/gpu": "1"}),
            "exceeded quota: q, requested: requests.x.io/gpu=1, used: requests.x.io/gpu=1, "
            "limited: requests.x.io/gpu=1",
            id="extended resource",
        ),
        pytest.param(
            {"cpu": "1", "limits.memory": "1Gi"},
            {},
            a_pod(initContainers=[{"name": "i", "image": "x"}]),
            "failed quota: q: must specify cpu for: c,i; limits.memory for: c,i",
            id="must specify",
        ),
    ],
)
def test_a_pod_beyond_the_quota_is_refused(hard: JSON, taken: JSON, pod: JSON, why: str) -> None:
    async def story(world: World) -> None:
        await a_quota(world, hard, taken)
        error = await refused(world.make(PODS, pod))
        assert (error.code, error.reason) == (403, "Forbidden")
        assert error.message == f'pods "p" is forbidden: {why}'
        assert (await used(world)) == {**dict.fromkeys(hard, "0"), **taken}

    tell(story)


def test_what_is_created_is_charged_at_once_and_a_dry_run_is_not() -> None:
    async def story(world: World) -> None:
        await a_quota(world, {"pods": "3", "requests.cpu": "2", "count/configmaps": "1"})
        await world.make(PODS, a_pod(requests={"cpu": "500m"}))
        await world.make(PODS, a_pod("dry", requests={"cpu": "500m"}), dry_run=True)
        await world.make(CONFIG_MAPS, {"metadata": {"name": "m"}})
        assert await used(world) == {"pods": "1", "requests.cpu": "500m", "count/configmaps": "1"}
        error = await refused(world.make(CONFIG_MAPS, {"metadata": {"name": "n"}}))
        assert error.message == (
            'configmaps "n" is forbidden: exceeded quota: q, requested: count/configmaps=1, '
            "used: count/configmaps=1, limited: count/configmaps=1"
        )

    tell(story)


def test_a_quota_that_is_not_counted_yet_refuses_nothing_and_one_half_counted_everything() -> None:
    async def story(world: World) -> None:
        made = await world.make(RESOURCE_QUOTAS, quota({"pods": "0"}))
        await world.make(PODS, a_pod("early"))
        await world.put(RESOURCE_QUOTAS, {**made, "status": {"hard": {"pods": "9"}, "used": {}}}, "status")
        error = await refused(world.make(PODS, a_pod()))
        assert error.message == 'pods "p" is forbidden: status unknown for quota: q, resources: pods'

    tell(story)


@pytest.mark.parametrize(
    ("spec", "pod", "counted"),
    [
        pytest.param({"scopes": ["BestEffort"]}, a_pod(), True, id="best effort"),
        pytest.param({"scopes": ["BestEffort"]}, a_pod(requests={"cpu": "1"}), False, id="not best effort"),
        pytest.param({"scopes": ["NotBestEffort"]}, a_pod(requests={"cpu": "1"}), True, id="NotBestEffort"),
        pytest.param({"scopes": ["Terminating"]}, a_pod(activeDeadlineSeconds=5), True, id="a Pod with an end"),
        pytest.param({"scopes": ["NotTerminating"]}, a_pod(activeDeadlineSeconds=5), False, id="NotTerminating"),
        pytest.param(
            {"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}},
            a_pod(priorityClassName="system-node-critical"),
            True,
            id="any priority class",
        ),
        pytest.param(
            {
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]
                }
            },
            a_pod(priorityClassName="system-node-critical"),
            False,
            id="another priority class",
        ),
        pytest.param(
            {"scopes": ["CrossNamespacePodAffinity"]},
            a_pod(
                affinity={
                    "podAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [
                            {"topologyKey": "zone", "labelSelector": {}, "namespaces": ["other"]}
                        ]
                    }
                }
            ),
            True,
            id="affinity across namespaces",
        ),
    ],
)
def test_scopes_say_which_pods_count(spec: JSON, pod: JSON, counted: bool) -> None:
    async def story(world: World) -> None:
        await a_quota(world, {"pods": "5"}, **spec)
        await world.make(PODS, pod)
        assert (await used(world))["pods"] == ("1" if counted else "0")

    tell(story)


def test_a_service_that_becomes_a_node_port_is_charged_for_it() -> None:
    async def story(world: World) -> None:
        await a_quota(world, {"services": "2", "services.nodeports": "0"})
        spec = {"selector": {"a": "b"}, "ports": [{"port": 80}]}
        made = await world.make(SERVICES, {"metadata": {"name": "s"}, "spec": spec})
        error = await refused(world.put(SERVICES, {**made, "spec": {**made["spec"], "type": "NodePort"}}))
        assert error.message == (
            'services "s" is forbidden: exceeded quota: q, requested: services.nodeports=1, '
            "used: services.nodeports=0, limited: services.nodeports=0"
        )

    tell(story)


def a_claim(name: str, storage: str, **spec: Any) -> JSON:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}}
    return {"metadata": {"name": name}, "spec": {**asked, **spec}}


def test_claims_are_charged_in_whole_bytes_and_to_their_class() -> None:
    async def story(world: World) -> None:
        gold = "gold.storageclass.storage.k8s.io"
        hard = {f"{gold}/requests.storage": "2Gi", f"{gold}/persistentvolumeclaims": "2", "requests.storage": "5Gi"}
        await a_quota(world, hard)
        await world.make(PERSISTENT_VOLUME_CLAIMS, a_claim("plain", "1500m"))
        await world.make(PERSISTENT_VOLUME_CLAIMS, a_claim("shiny", "1Gi", storageClassName="gold"))
        assert await used(world) == {
            f"{gold}/requests.storage": "1Gi", f"{gold}/persistentvolumeclaims": "1", "requests.storage": "1073741826",
        }  # fmt: skip
        error = await refused(world.make(PERSISTENT_VOLUME_CLAIMS, a_claim("more", "2Gi", storageClassName="gold")))
        assert error.message == (
            f'persistentvolumeclaims "more" is forbidden: exceeded quota: q, requested: {gold}/requests.storage=2Gi, '
            f"used: {gold}/requests.storage=1Gi, limited: {gold}/requests.storage=2Gi"
        )

    tell(story)


@pytest.mark.parametrize(
    ("item", "storage", "why"),
    [
        pytest.param(
            {"min": {"storage": "1Gi"}},
            "500Mi",
            "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi",
            id="below",
        ),
        pytest.param(
            {"max": {"storage": "1Gi"}},
            "2Gi",
            "maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi",
            id="above",
        ),
    ],
)
def test_a_claim_out_of_bounds_is_refused_unless_it_goes_anyway(item: JSON, storage: str, why: str) -> None:
    async def story(world: World) -> None:
        made = await world.make(PERSISTENT_VOLUME_CLAIMS, a_claim("early", storage))
        await world.make(LIMIT_RANGES, limits({"type": "PersistentVolumeClaim", **item}))
        error = await refused(world.make(PERSISTENT_VOLUME_CLAIMS, a_claim("late", storage)))
        assert error.message == f'persistentvolumeclaims "late" is forbidden: {why}'
        labelled = {**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}}
        error = await refused(world.put(PERSISTENT_VOLUME_CLAIMS, labelled))
        assert error.message == f'persistentvolumeclaims "early" is forbidden: {why}'
        await world.registry.delete(PERSISTENT_VOLUME_CLAIMS, "default", "early")
        going = await world.now(PERSISTENT_VOLUME_CLAIMS, "early")
        assert going is not None
        await world.put(PERSISTENT_VOLUME_CLAIMS, {**going, "metadata": {**going["metadata"], "finalizers": []}})
        assert await world.now(PERSISTENT_VOLUME_CLAIMS, "early") is None

    tell(story)


def limits(*items: JSON) -> JSON:
    return {"metadata": {"name": "l"}, "spec": {"limits": list(items)}}


def test_a_limit_range_fills_in_what_containers_leave_out() -> None:
    async def story(world: World) -> None:
        item = {"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m", "memory": "64Mi"}}
        await world.make(LIMIT_RANGES, limits(item))
        made = await world.make(PODS, a_pod(requests={"memory": "1Gi"}))
        resources = made["spec"]["containers"][0]["resources"]
        assert resources == {"requests": {"memory": "1Gi", "cpu": "100m"}, "limits": {"cpu": "500m"}}
        assert objects.annotations(made)["kubernetes.io/limit-ranger"] == (
            "LimitRanger plugin set: cpu request for container c; cpu limit for container c"
        )

    tell(story)


CONTAINER = {"type": "Container"}


@pytest.mark.parametrize(
    ("item", "pod", "why"),
    [
        pytest.param(
            {**CONTAINER, "min": {"cpu": "200m"}},
            a_pod(requests={"cpu": "100m"}),
            "minimum cpu usage per Container is 200m, but request is 100m",
            id="below",
        ),
        pytest.param(
            {**CONTAINER, "max": {"cpu": "1"}},
            a_pod(limits={"cpu": "2"}),
            "maximum cpu usage per Container is 1, but limit is 2",
            id="above",
        ),
        pytest.param(
            {"type": "Pod", "max": {"memory": "1Gi"}},
            a_pod(limits={"memory": "2Gi"}),
            "maximum memory usage per Pod is 1Gi, but limit is 2Gi",
            id="the Pod as a whole",
        ),
        pytest.param(
            {"type": "Pod", "max": {"memory": "1Gi"}},
            a_pod(),
            "maximum memory usage per Pod is 1Gi.  No limit is specified",
            id="no limit",
        ),
        pytest.param(
            {**CONTAINER, "maxLimitRequestRatio": {"cpu": "2"}},
            a_pod(requests={"cpu": "100m"}, limits={"cpu": "500m"}),
            "cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000",
            id="ratio",
        ),
        pytest.param(
            {**CONTAINER, "max": {"cpu": "1", "memory": "1Gi"}},
            a_pod(limits={"cpu": "2", "memory": "2Gi"}),
            "[maximum cpu usage per Container is 1, but limit is 2, "
            "maximum memory usage per Container is 1Gi, but limit is 2Gi]",
            id="several complaints",
        ),
    ],
)
def test_a_pod_out_of_bounds_is_refused(item: JSON, pod: JSON, why: str) -> None:
    async def story(world: World) -> None:
        await world.make(LIMIT_RANGES, limits(item))
        error = await refused(world.make(PODS, pod))
        assert error.message == f'pods "p" is forbidden: {why}'

    tell(story)


@pytest.mark.parametrize(
    ("item", "told"),
    [
        pytest.param(
            {**CONTAINER, "min": {"cpu": "2"}, "max": {"cpu": "1"}},
            'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
            id="min above max",
        ),
        pytest.param(
            {"type": "Pod", "default": {"cpu": "1"}},
            "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
            id="defaults are for containers",
        ),
        pytest.param(
            {"type": "Thing"},
            'spec.limits[0].type: Invalid value: "Thing": must be a standard limit type or fully qualified',
            id="type",
        ),
        pytest.param(
            {"type": "Container", "default": {"cpu": "2"}, "max": {"cpu": "1"}},
            'spec.limits[0].default[cpu]: Invalid value: "1": default value 2 is greater than max value 1',
            id="default above max",
        ),
        pytest.param(
            {"type": "Container", "default": {"x.io/gpu": "2"}, "defaultRequest": {"x.io/gpu": "1"}},
            'spec.limits[0].defaultRequest[x.io/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest '
            "value 1 in x.io/gpu",
            id="nothing to overcommit",
        ),
        pytest.param(
            {"type": "Pod", "max": {"storage": "1"}},
            'spec.limits[0].max[storage]: Invalid value: "storage": must be a standard resource for containers',
            id="no resource of containers",
        ),
        pytest.param(
            {"type": "PersistentVolumeClaim"},
            "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither "
            "was provided",
            id="claims",
        ),
    ],
)
def test_a_limit_range_has_to_make_sense(item: JSON, told: str) -> None:
    async def story(world: World) -> None:
        error = await refused(world.make(LIMIT_RANGES, limits(item)))
        assert told in error.message

    tell(story)


def expressions(*each: tuple[str, ...]) -> JSON:
    """A scopeSelector of (scope, operator, values …)."""
    made = [
        {"scopeName": scope, "operator": operator, **({"values": values} if values else {})}
        for scope, operator, *values in each
    ]
    return {"matchExpressions": made}


@pytest.mark.parametrize(
    ("obj", "told"),
    [
        pytest.param(
            quota({"apples": "1"}),
            'spec.hard[apples]: Invalid value: "apples": must be a standard resource for quota',
            id="name",
        ),
        pytest.param(
            quota({"pods": "1.5"}), 'spec.hard[pods]: Invalid value: "1500m": must be an integer', id="integer"
        ),
        pytest.param(
            quota({"cpu": "1"}, scopes=["BestEffort"]),
            'Invalid value: []core.ResourceQuotaScope{"BestEffort"}: unsupported scope applied to resource',
            id="scope and resource",
        ),
        pytest.param(
            quota({"pods": "1"}, scopes=["BestEffort", "NotBestEffort"]),
            'spec.scopes: Invalid value: []core.ResourceQuotaScope{"BestEffort", "NotBestEffort"}: conflicting scopes',
            id="conflict",
        ),
        pytest.param(
            quota({"ephemeral-storage": "1"}, scopes=["NotBestEffort"]),
            'Invalid value: []core.ResourceQuotaScope{"NotBestEffort"}: unsupported scope applied to resource',
            id="no scope is for storage",
        ),
        pytest.param(
            quota({"pods": "1"}, scopeSelector=expressions(("Best", "Exists"))),
            'spec.scopeSelector.matchExpressions.scopeName: Invalid value: "Best": unsupported scope',
            id="no such scope",
        ),
        pytest.param(
            quota({"secrets": "1"}, scopeSelector=expressions(("PriorityClass", "Exists"))),
            "spec.scopeSelector.matchExpressions: Invalid value: core.ScopeSelector{MatchExpressions:"
            "[]core.ScopedResourceSelectorRequirement{core.ScopedResourceSelectorRequirement{"
            'ScopeName:"PriorityClass", Operator:"Exists", Values:[]string(nil)}}}: unsupported scope applied to '
            "resource",
            id="expression and resource",
        ),
        pytest.param(
            quota({"pods": "1"}, scopeSelector=expressions(("Terminating", "In", "a"))),
            "spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exists' when scope is any "
            "of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, "
            "ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
            id="operator",
        ),
        pytest.param(
            quota({"pods": "1"}, scopeSelector=expressions(("PriorityClass", "Exists", "a"))),
            'spec.scopeSelector.matchExpressions.values: Invalid value: []string{"a"}: must be no value when '
            "`operator` is 'Exist' or 'DoesNotExist' for scope selector",
            id="values",
        ),
    ],
)
def test_a_quota_has_to_make_sense(obj: JSON, told: str) -> None:
    async def story(world: World) -> None:
        error = await refused(world.make(RESOURCE_QUOTAS, obj))
        assert told in error.message

    tell(story)


def test_quotas_and_limits_that_go_are_forgotten() -> None:
    async def story(world: World) -> None:
        await a_quota(world, {"pods": "0"})
        await refused(world.make(PODS, a_pod()))
        await world.registry.delete(RESOURCE_QUOTAS, "default", "q")
        await world.make(PODS, a_pod())

    tell(story)
