"""The loops that make objects come true: controllers, scheduler, node agents, proxy; written out."""

from contextlib import AsyncExitStack

from seatrial.base.env import Env
from seatrial.cluster.config import ClusterConfig
from seatrial.cluster.control_plane import ControlPlane
from seatrial.controllers import (
    attach_detach,
    cron_job,
    disruption,
    endpoint_slice,
    endpoints,
    ephemeral_volume,
    garbage_collector,
    namespace,
    node_lifecycle,
    pod_gc,
    replica_set,
    replication_controller,
    resource_quota,
    root_ca,
    service_account,
    taint_eviction,
)
from seatrial.controllers.daemon_set import controller as daemon_set
from seatrial.controllers.deployment import controller as deployment
from seatrial.controllers.horizontal_pod_autoscaler import controller as horizontal_pod_autoscaler
from seatrial.controllers.job import controller as job
from seatrial.controllers.job import orphan_pods as job_orphan_pods
from seatrial.controllers.persistent_volume import claims as persistent_volume_claim
from seatrial.controllers.persistent_volume import protection as volume_protection
from seatrial.controllers.persistent_volume import volumes as persistent_volume
from seatrial.controllers.stateful_set import controller as stateful_set
from seatrial.reconcile.controller import AnyController
from seatrial.reconcile.informer import Informers
from seatrial.reconcile.runner import Runner
from seatrial.scheduler import profile
from seatrial.scheduler.controller import Scheduler
from seatrial.workloads.load import Load

CONTROLLER_MANAGER = "kube-controller-manager"
"""As in Kubernetes, all controllers are one field manager."""

CONTROLLERS: tuple[AnyController, ...] = (
    deployment.CONTROLLER,
    replica_set.CONTROLLER,
    replication_controller.CONTROLLER,
    job.CONTROLLER,
    job_orphan_pods.CONTROLLER,
    cron_job.CONTROLLER,
    disruption.CONTROLLER,
    endpoints.CONTROLLER,
    endpoint_slice.CONTROLLER,
    namespace.CONTROLLER,
    node_lifecycle.CONTROLLER,
    taint_eviction.CONTROLLER,
    pod_gc.CONTROLLER,
    persistent_volume_claim.CONTROLLER,
    persistent_volume.CONTROLLER,
    attach_detach.CONTROLLER,
    ephemeral_volume.CONTROLLER,
    volume_protection.CLAIMS,
    volume_protection.VOLUMES,
    resource_quota.CONTROLLER,
    service_account.CONTROLLER,
)


async def start(
    plane: ControlPlane,
    informers: Informers,
    env: Env,
    load: Load,
    config: ClusterConfig,
    ca: str,
    stack: AsyncExitStack,
) -> None:
    """Start all loops. `load`: what autoscalers follow; `ca` (PEM, "" for none) is published in every namespace."""
    release = config.behaviour_version or config.kubernetes_version
    controllers: list[AnyController] = [
        *CONTROLLERS,
        daemon_set.controller(release),
        stateful_set.controller(mends=config.mend_stuck_sets, counts_unavailable=config.max_unavailable_stateful_set),
        horizontal_pod_autoscaler.controller(load, env.now),
        garbage_collector.controller(),
        *([root_ca.controller(ca)] if ca else []),
    ]
    for controller in controllers:
        runner = Runner(controller, informers, plane.client(f"{controller.name}-controller", CONTROLLER_MANAGER), env)
        runner.start()
        stack.push_async_callback(runner.stop)
    scheduler = Scheduler(informers, plane.client("kube-scheduler"), env, rules=profile.of_release(release))
    scheduler.start()
    stack.push_async_callback(scheduler.stop)
