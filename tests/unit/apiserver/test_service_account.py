"""Pods and the service accounts that they run as."""

import asyncio

from seatrial.api.registry import PODS, SERVICE_ACCOUNTS
from seatrial.apiserver import bootstrap
from seatrial.apiserver.admission import chain
from unit.apiserver.registry_world import World, pod, refused


def test_a_pod_needs_an_account_that_is_there_and_gets_its_pull_secrets() -> None:
    async def story() -> None:
        world = World(chain.WITH_EXISTING_ACCOUNTS)
        await bootstrap.bootstrap(world.registry)
        error = await refused(world.make(PODS, pod("p", serviceAccountName="robot")))
        assert (error.code, error.message) == (
            403,
            'pods "p" is forbidden: error looking up service account default/robot: serviceaccount "robot" not found',
        )
        await world.make(SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}, "imagePullSecrets": [{"name": "registry"}]})
        spec = (await world.make(PODS, pod("p", serviceAccountName="robot")))["spec"]
        assert (spec["serviceAccount"], spec["imagePullSecrets"]) == ("robot", [{"name": "registry"}])
        own = pod("q", serviceAccountName="robot", imagePullSecrets=[{"name": "mine"}])
        assert (await world.make(PODS, own))["spec"]["imagePullSecrets"] == [{"name": "mine"}]

    asyncio.run(story())
