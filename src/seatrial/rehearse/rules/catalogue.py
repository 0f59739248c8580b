"""All that is warned of, written out. docs/rules.md is made of this, and of named_causes.py."""

from collections.abc import Sequence

from seatrial.rehearse.result import Finding
from seatrial.rehearse.rules import autoscaling, capacity, connections, pods, preempting, selection, strategies
from seatrial.rehearse.rules.base import Case, Rule

WARNINGS: tuple[Rule, ...] = (
    Rule(
        "no-readiness-probe",
        "Pods get requests before they are ready",
        "Without a readiness probe a Pod counts as ready as soon as its containers run, so a roll goes on and sends "
        "requests to an application that has not started yet.",
        "`kubectl get deployment -o yaml` has no readinessProbe; Pods are Ready in the second in which they start",
        "add a readinessProbe that asks the application",
        connections.no_readiness_probe,
    ),
    Rule(
        "exits-at-once",
        "Connections are refused while old Pods end",
        "SIGTERM and the removal from endpoints happen at the same time. Proxies and load balancers hear of it some "
        "seconds later; an application that is gone by then refuses what they still send.",
        "no `lifecycle.preStop` in the template; errors of clients during every roll (`seatrial load`)",
        "add a preStop hook that sleeps for 5 s",
        connections.exits_at_once,
    ),
    Rule(
        "slow-pre-stop",
        "The preStop hook takes longer than the Pod has",
        "The grace period counts from the deletion, the hook included. A hook that sleeps as long leaves nothing: the "
        "application gets SIGTERM and, at once, SIGKILL.",
        "terminationGracePeriodSeconds and the hook's sleep in the template; exit code 137",
        "set terminationGracePeriodSeconds above the hook's sleep",
        pods.slow_pre_stop,
    ),
    Rule(
        "budget-allows-no-eviction",
        "A disruption budget that lets nobody go",
        "A budget that needs every Pod makes drains wait for ever. Rolling updates do not ask budgets.",
        "`kubectl get pdb` (ALLOWED DISRUPTIONS 0, though all Pods are healthy)",
        "let it spare one Pod (maxUnavailable: 1), or run one more replica",
        strategies.budget_allows_no_eviction,
    ),
    Rule(
        "deadline-too-short",
        "The progress deadline is shorter than one Pod takes",
        "The Deployment is reported as failed (ProgressDeadlineExceeded) while its Pods are still starting as they "
        "always do; whoever waits for the rollout gives up.",
        "`kubectl describe deployment`: Progressing False, ProgressDeadlineExceeded",
        "set progressDeadlineSeconds above what a Pod takes, minReadySeconds included",
        strategies.deadline_too_short,
    ),
    Rule(
        "single-replica",
        "A single replica",
        "Nothing serves while the only Pod is moved, restarted, or its node is down.",
        "`kubectl get deployment` (READY 1/1)",
        "run two or more replicas",
        strategies.single_replica,
    ),
    Rule(
        "surge-needs-more",
        "The surge needs more than any node has",
        "A rolling update with a surge runs old and new Pods side by side. When no node has room for one more, the "
        "update works today only because something happened to leave in time, or does not work.",
        "`kubectl describe nodes`, Allocated resources, against the requests of one Pod",
        "set maxSurge 0 and maxUnavailable 1, or add a node",
        capacity.surge_needs_more_than_a_node_has,
    ),
    Rule(
        "preempts-others",
        "Others lose their Pods to it",
        "Where there is no room for a Pod, the scheduler deletes Pods of a lower priority. Budgets are kept only where "
        "another choice allows it. Who lost them makes them again, and waits where there is no room any more.",
        "`kubectl get events -A --field-selector reason=Preempted`; `kubectl get pods -A -o "
        "custom-columns=NAME:.metadata.name,PRIORITY:.spec.priority`",
        "add a node, or let the PriorityClass have preemptionPolicy Never",
        preempting.preempts_others,
    ),
    Rule(
        "quota-reached",
        "A quota has no room for the surge",
        "Pods of the surge count, and so do old ones until they are gone. The controller retries, at ever longer "
        "intervals.",
        "`kubectl describe quota`: Used against Hard",
        "raise the quota, or set maxSurge 0 and maxUnavailable 1",
        capacity.quota_reached,
    ),
    Rule(
        "mutable-tag",
        "The image has no fixed version",
        "An image without a tag, or with latest, is whatever it was when a node pulled it: Pods of one version differ, "
        "and undoing brings nothing back.",
        "`kubectl get pods -o jsonpath='{..imageID}'`: Pods of one version have several digests",
        "name a version, or a digest",
        pods.mutable_tag,
    ),
    Rule(
        "no-history",
        "No earlier version is kept",
        "With revisionHistoryLimit 0 the old ReplicaSet is deleted with its last Pod; kubectl rollout undo has nothing "
        "to go back to.",
        "`kubectl rollout history` has one revision",
        "leave it at 10, or keep at least 1",
        strategies.no_history,
    ),
    Rule(
        "liveness-kills-slow-starter",
        "A probe kills the container before it answers",
        "A liveness probe begins with the container. Where the application needs longer than initialDelaySeconds and "
        "failureThreshold × periodSeconds allow, it is killed again and again.",
        "`kubectl describe pod` (Unhealthy: Liveness probe failed; Killing), RESTARTS goes up",
        "give it a startupProbe with enough failureThreshold",
        pods.liveness_kills_slow_starter,
    ),
    Rule(
        "rwo-volume-with-surge",
        "Two versions want a volume that one node can have",
        "A ReadWriteOnce volume is attached to one node. A surge starts the new Pod while the old one has it; on "
        "another node it waits for the old Pod, which only goes when the new one is ready.",
        "`kubectl get pvc` (ACCESS MODES RWO, RWOP)",
        "set maxSurge 0 and maxUnavailable 1, or strategy Recreate; several replicas need a volume each",
        pods.rwo_volume_with_surge,
    ),
    Rule(
        "anti-affinity-as-many-as-nodes",
        "Anti-affinity leaves no node for the surge",
        "With required anti-affinity and as many replicas as nodes there is no place for one more Pod, and 25 % of up "
        "to 3 replicas may not be unavailable: nothing can move.",
        "`kubectl get pods -o wide`: one on each node",
        "set maxSurge 0 and maxUnavailable 1, or add a node",
        pods.anti_affinity_as_many_as_nodes,
    ),
    Rule(
        "rounds-to-nothing",
        "maxSurge and maxUnavailable both come to nothing",
        "Percentages are rounded, the surge up and unavailability down. When both come to 0 the controller takes one "
        "Pod away first.",
        "`kubectl describe deployment`: RollingUpdateStrategy",
        "set one of them to 1",
        strategies.surge_and_unavailable_zero,
    ),
    Rule(
        "service-without-pods",
        "A Service has nobody to send requests to",
        "A Service finds its Pods by their labels. When the template's labels or the Service's selector change without "
        "the other, the roll completes, and every request fails.",
        "`kubectl get endpointslices`: none for the Service; `kubectl get pods --show-labels`",
        "let the Service select labels that the template has, and bring its Pods up",
        selection.service_without_pods,
    ),
    Rule(
        "service-port-missing",
        "A Service names a port that no container has",
        "A Service that has a name for its targetPort finds the number in the Pods. When the template calls the port "
        "something else, the roll completes, and every request fails.",
        "`kubectl get endpointslices -o yaml`: no ports; the `ports` of the template's containers",
        "give the container's port the name that the Service has as its targetPort, or the Service the other one",
        selection.service_port_missing,
    ),
    Rule(
        "shared-selector",
        "Two workloads select the same Pods",
        "Controllers tell their Pods apart by who owns them, and adopt those that nobody owns. Whatever goes by labels "
        "alone counts both: anti-affinity, budgets, Services, autoscalers; and what is orphaned goes to either.",
        "`kubectl get pods -l` with the selector: the names are of two workloads",
        "give each workload a label of its own, in its selector and its template",
        selection.shared_selector,
    ),
    Rule(
        "partition",
        "A part keeps the old version",
        "A StatefulSet with a partition updates only the Pods with that ordinal or a higher one. The others keep their "
        "version until somebody lowers the partition, though the rollout is reported as complete.",
        "`kubectl get statefulset -o jsonpath='{.spec.updateStrategy}'`; `kubectl get pods -L "
        "controller-revision-hash`",
        "lower the partition when the new version has proved itself",
        strategies.partition_kept,
    ),
    Rule(
        "replicas-beside-autoscaler",
        "The manifest and an autoscaler both set the size",
        "Whoever applies a manifest with spec.replicas takes back what the autoscaler has scaled to, in the middle of "
        "the load, and at once.",
        "`kubectl get hpa`; spec.replicas in the manifest",
        "take spec.replicas out of what was applied last (kubectl apply edit-last-applied), then out of the manifest: "
        "the other way round apply sets 1",
        autoscaling.replicas_beside_autoscaler,
    ),
    Rule(
        "replicas-left-out",
        "The manifest leaves out the size that it had",
        "What the manifest that was applied before has, and the new one has not, apply takes away; spec.replicas is "
        "then 1, whatever the size was, until somebody, or an autoscaler, sets another one.",
        "`kubectl apply view-last-applied` has spec.replicas, and the manifest has not; `kubectl diff -f` shows "
        "replicas: 1",
        "take spec.replicas out of what was applied last first (kubectl apply edit-last-applied), or keep it in the "
        "manifest",
        autoscaling.replicas_left_out,
    ),
    Rule(
        "autoscaler-can-not-scale",
        "An autoscaler has nothing to go by",
        "An autoscaler that finds no usable metric leaves the size as it is, under whatever load: Pods without "
        "requests have no utilisation, and Pods that two autoscalers choose are scaled by neither.",
        "`kubectl describe hpa`: ScalingActive False",
        "give its Pods the requests that it goes by, and each autoscaler Pods of its own",
        autoscaling.autoscaler_can_not_scale,
    ),
)


def of_all(workloads: Sequence[Case]) -> list[Finding]:
    """All that is to be warned of, in the order of the rules. What is said of several workloads alike is said once."""
    alike: dict[tuple[str, str], list[tuple[Case, tuple[str, ...]]]] = {}
    for rule in WARNINGS:
        for case in workloads:
            for message, where in rule.check(case):
                alike.setdefault((rule.id, message), []).append((case, where))
    remedies = {rule.id: rule.remedy for rule in WARNINGS}
    return [
        Finding(rule, _named(message, found, workloads), _objects(found), remedies[rule])
        for (rule, message), found in alike.items()
    ]


MOST_NAMES = 5
"""How many workloads a sentence names; the finding's objects are all of them."""
_Places = Sequence[tuple[Case, tuple[str, ...]]]


def _named(message: str, found: _Places, workloads: Sequence[Case]) -> str:
    """With whom it is about, where that is not all that there is, or is not said."""
    names = [case.name for case, _ in found]
    if len(workloads) == 1 or names[0] in message:
        return message
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"{', '.join(names[:MOST_NAMES])}{more}: {message}"


def _objects(found: _Places) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for _, where in found for name in where))
