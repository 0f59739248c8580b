"""`seatrial rollout service -f`: what a file may hold, and what is refused before anything is changed."""

from copy import deepcopy

import pytest

from seatrial.aio import virtual_loop
from seatrial.api.registry import CONFIG_MAPS, DEPLOYMENTS
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.rollout.service import preparing
from seatrial.rollout.service.ending import EXIT_CODES
from seatrial.rollout.service.plan import Options
from seatrial.rollout.service.run import ServiceRoll
from simulation.service_world import NEW, SERVICE, Service, a_workload, is_clean, service

WEB = a_workload(DEPLOYMENTS, replicas=2)
SETTINGS: JSON = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "1"}}


def with_image(manifest: JSON, image: str) -> JSON:
    changed = deepcopy(manifest)
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return changed


def with_labels(manifest: JSON, **labels: str) -> JSON:
    changed = deepcopy(manifest)
    changed["spec"]["template"]["metadata"]["labels"] |= labels
    return changed


def selecting(**labels: str) -> JSON:
    return {**SERVICE, "spec": {**SERVICE["spec"], "selector": labels}}


async def prepare(web: Service, *manifests: JSON) -> preparing.Prepared:
    return await preparing.by_manifests(web.cluster.client, web.cluster.env, "web", "default", manifests)


def test_the_workloads_of_a_file_are_rolled_and_the_rest_comes_first() -> None:
    async def story() -> None:
        async with service(WEB) as web:
            new = with_image(WEB, NEW)
            prepared = await prepare(web, new, SETTINGS, SERVICE)
            assert [target.template["spec"]["containers"][0]["image"] for target in prepared.targets] == [NEW]
            assert (list(prepared.before), list(prepared.afterwards)) == ([SETTINGS, SERVICE], [new])

    virtual_loop.run(story())


@pytest.mark.parametrize(
    ("manifests", "why"),
    [
        ([SETTINGS], "the file holds none of the workloads behind service/web"),
        ([WEB, a_workload(DEPLOYMENTS, "other")], "deployment/other does not stand behind service/web"),
        ([with_labels(WEB, app="next")], "deployment.apps/web: with this file its Pods would no longer be behind"),
        ([WEB, selecting(app="next")], "the file changes the selector of service/web: apply that by itself"),
    ],
    ids=["no workload", "a stranger", "other labels", "another selector"],
)
def test_what_would_leave_the_service_without_its_pods_is_refused(manifests: list[JSON], why: str) -> None:
    async def story() -> None:
        async with service(WEB) as web:
            before = await web.get()
            with pytest.raises(ToolError, match=why):
                await prepare(web, *manifests)
            assert await web.get() == before
            assert (await web.cluster.client.list(CONFIG_MAPS, "default"))["items"] == []

    virtual_loop.run(story())


RBD: JSON = {"name": "data", "rbd": {"monitors": ["10.0.0.11:6789"], "pool": "rbd", "image": "nope"}}
SETTING: JSON = {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "nope", "key": "a"}}}


@pytest.mark.parametrize(
    ("pod", "container", "reason"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, {}, "Unschedulable"),
        ({"volumes": [RBD]}, {}, "Volume"),
        ({"serviceAccountName": "nope"}, {}, "FailedCreate"),
        ({}, {"env": [SETTING]}, "Configuration"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_keeps_a_file_s_pods_from_coming_up_is_told_and_all_goes_back(
    pod: JSON, container: JSON, reason: str
) -> None:
    async def story() -> None:
        async with service(WEB) as web:
            before = await web.get()
            changed = with_image(WEB, NEW)
            spec = changed["spec"]["template"]["spec"]
            spec |= pod
            spec["containers"][0] |= container
            prepared = await prepare(web, changed)
            client, env = web.cluster.client, web.cluster.env
            options = Options(timeout=600)
            roll = ServiceRoll(client, env, prepared.service, prepared.targets, options, web.said.append)
            began = env.now()
            ending = await roll.run()
            assert (ending.outcome, ending.reason) == ("undone", reason), ending.message
            assert ending.exit_code == EXIT_CODES[reason]
            assert env.now() - began < 300
            after = await web.get()
            assert after["spec"] == before["spec"]
            assert is_clean(after)

    virtual_loop.run(story())
