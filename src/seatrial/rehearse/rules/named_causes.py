"""What the causes of a hang are called, what they mean, and what to do. docs/rules.md is made of this."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """`meaning` and `see`, how it is seen in a cluster, for the docs; `remedy` in words.

    `otherwise`: what to do where no surge is to be done without, or that did not help; "": the same.
    """

    id: str
    title: str
    meaning: str
    see: str
    remedy: str
    otherwise: str = ""


CAUSES: tuple[Cause, ...] = (
    Cause(
        "no-room",
        "No node has room",
        "What the new Pod requests is free on no node that it may run on.",
        "`kubectl describe pod` (FailedScheduling: Insufficient …); `kubectl describe nodes`, Allocated resources",
        "ask for less, or add a node",
    ),
    Cause(
        "anti-affinity",
        "Anti-affinity leaves no node",
        "Every node has a Pod already that the new one must not be with.",
        "`kubectl describe pod` (FailedScheduling: didn't match pod anti-affinity rules); `kubectl get pods -o wide`",
        "set maxSurge 0 and maxUnavailable 1, or add a node",
        "add a node",
    ),
    Cause(
        "no-matching-node",
        "No node matches",
        "No node has the labels that nodeSelector or affinity ask for.",
        "`kubectl describe pod` (FailedScheduling: didn't match Pod's node affinity/selector); `kubectl get nodes "
        "--show-labels`",
        "ask for labels that nodes have, or label a node so",
    ),
    Cause(
        "pod-affinity",
        "No node has the Pods that it has to be with",
        "Required pod affinity is for nodes, or zones, where certain other Pods run, and none of those does.",
        "`kubectl describe pod` (FailedScheduling: didn't match pod affinity rules); `kubectl get pods -o wide` "
        "with the labels that it names",
        "start those Pods, or make the affinity preferred",
    ),
    Cause(
        "topology-spread",
        "Spreading leaves no node",
        "Every node that is left would be one Pod too many.",
        "`kubectl describe pod` (FailedScheduling: didn't match pod topology spread constraints); `kubectl get "
        "pods -o wide`",
        "set maxSurge 0 and maxUnavailable 1, or whenUnsatisfiable: ScheduleAnyway",
        "add a node where one is missing",
    ),
    Cause(
        "host-port-taken",
        "The host port is taken",
        "A host port can be had once on each node, and the old Pods have it.",
        "`kubectl describe pod` (FailedScheduling: didn't have free ports); `kubectl get pods -o wide`",
        "set maxSurge 0 and maxUnavailable 1, or do without the host port",
        "add a node, or do without the host port",
    ),
    Cause(
        "volume-elsewhere",
        "The volume is elsewhere",
        "The volume can only be reached from other nodes.",
        "`kubectl describe pod` (FailedScheduling: volume node affinity conflict); `kubectl describe pv`, Node "
        "Affinity",
        "let the Pod run where the volume is",
    ),
    Cause(
        "volume-in-use",
        "Another Pod has the volume",
        "A ReadWriteOncePod claim is for one Pod at a time; a disk that a Pod names itself is for one Pod of a node.",
        "`kubectl describe pod` (FailedScheduling: ReadWriteOncePod, or no available disk); `kubectl get pvc`",
        "set maxSurge 0 and maxUnavailable 1, or strategy Recreate",
        "run one replica, or give each Pod a volume of its own",
    ),
    Cause(
        "claim-not-bound",
        "A claim is missing or not bound",
        "The Pod waits for a volume that is not there.",
        "`kubectl describe pod` (FailedScheduling: PersistentVolumeClaims); `kubectl get pvc,pv`",
        "make the claim, or a volume that it can bind to",
    ),
    Cause(
        "untolerated-taint",
        "Taints keep it off",
        "The nodes have taints that the Pod does not tolerate.",
        "`kubectl describe pod` (FailedScheduling: untolerated taint); `kubectl describe node`, Taints",
        "tolerate the taint, or take it off a node",
    ),
    Cause(
        "node-cordoned",
        "Nodes are cordoned",
        "The nodes take no new Pods.",
        "`kubectl get nodes` (SchedulingDisabled)",
        "uncordon a node (kubectl uncordon), or add one",
    ),
    Cause(
        "unschedulable",
        "No node takes it",
        "The scheduler's message says why.",
        "`kubectl describe pod` (FailedScheduling)",
        "mend what the scheduler's message names",
    ),
    Cause(
        "image-not-found",
        "The image can't be had",
        "The image does not exist, or may not be pulled.",
        "`kubectl get pods` (ImagePullBackOff, ErrImagePull, InvalidImageName, ErrImageNeverPull); `kubectl describe "
        "pod` has the registry's answer",
        "correct the image's name, push it, give its pull secret, or let it be pulled (imagePullPolicy)",
    ),
    Cause(
        "registry-unreachable",
        "The registry can't be reached",
        "Nodes that have the image already start it; all others wait until the registry answers.",
        "`kubectl describe pod` (Failed to pull image: connection refused, no such host, timeout), of Pods with "
        "other images of it, too",
        "wait for the registry, or name an image of one that answers; nodes pull again by themselves",
    ),
    Cause(
        "crash-loop",
        "It crashes again and again",
        "The new version exits soon after its start.",
        "`kubectl get pods` (CrashLoopBackOff, RESTARTS); `kubectl logs --previous`; `kubectl describe pod`, Last "
        "State",
        "look at the container's logs (kubectl logs --previous)",
    ),
    Cause(
        "never-ready",
        "It does not become ready",
        "The new Pods run, and do not pass their readiness probe.",
        "`kubectl get pods` (0/1 Running); `kubectl describe pod` (Unhealthy: Readiness probe failed)",
        "correct the readiness probe or the application",
    ),
    Cause(
        "readiness-gate",
        "A readiness gate is not passed",
        "The containers are ready. The Pod is only when a controller from outside, such as that of a load balancer, "
        "has set the condition that spec.readinessGates names.",
        "`kubectl get pods -o wide` (READINESS GATES 0/1); `kubectl describe pod`, Readiness Gates",
        "look at the controller that sets the gate, and whether it knows these Pods",
    ),
    Cause(
        "scheduling-gate",
        "A scheduling gate keeps it back",
        "The scheduler does not look at a Pod before whoever set spec.schedulingGates has taken them off.",
        "`kubectl get pods` (SchedulingGated); `kubectl get pod -o jsonpath='{.spec.schedulingGates}'`",
        "bring up the controller that takes the gate off, or leave the gate out of the template",
    ),
    Cause(
        "node-missing",
        "It is for a node that is not there",
        "spec.nodeName goes past the scheduler. Nobody runs a Pod of a node that does not exist; after 40 s it is "
        "deleted, and made again.",
        "`kubectl get pods -o wide` (Pending, with a NODE that `kubectl get nodes` does not have)",
        "leave spec.nodeName out (nodeSelector chooses nodes), or name a node that is there",
    ),
    Cause(
        "node-not-ready",
        "Its node does not report",
        "Nobody starts or looks after its containers until the node is back. Where other nodes are ready, it is given "
        "up and made again there.",
        "`kubectl get nodes` (NotReady); `kubectl describe node`, Conditions",
        "bring the node back",
    ),
    Cause(
        "init-container-waits",
        "An init container waits",
        "It runs and does not end, such as one that waits for the very Service that its own Pod is to serve.",
        "`kubectl get pods` (Init:0/1); `kubectl logs -c` of the init container",
        "bring up what it waits for, and let it wait for nothing that this update takes away",
    ),
    Cause(
        "missing-configuration",
        "Configuration is missing",
        "A ConfigMap, a Secret, or a key of it is not there.",
        "`kubectl get pods` (CreateContainerConfigError, ContainerCreating); `kubectl describe pod` names what is "
        "not there",
        "make it, in the same namespace, before the update",
    ),
    Cause(
        "pods-refused",
        "Pods are refused",
        "Admission refuses the new Pods.",
        "`kubectl describe replicaset` (or the set itself): FailedCreate",
        "mend what the message names",
    ),
    Cause(
        "volume-locked",
        "The volume is locked",
        "Another node has the image locked; see seatrial rescue.",
        "`kubectl describe pod` (FailedMount: image is locked by other nodes); `seatrial rescue`",
        "let the Pod that has it go first (maxSurge 0 and maxUnavailable 1, or strategy Recreate)",
        "let only Pods of one node use it, or give each Pod a volume of its own",
    ),
    Cause(
        "multi-attach",
        "The volume is attached elsewhere",
        "A volume for one node is still attached to another.",
        "`kubectl describe pod` (FailedAttachVolume: Multi-Attach error); `kubectl get volumeattachments`",
        "let the Pod that has it go first (maxSurge 0 and maxUnavailable 1, or strategy Recreate)",
        "let only Pods of one node use it, or give each Pod a volume of its own",
    ),
    Cause(
        "volume-not-mounted",
        "The volume can't be mounted",
        "The event says why.",
        "`kubectl describe pod` (FailedMount)",
        "mend what the event says",
    ),
    Cause(
        "paused",
        "It is paused",
        "A paused Deployment does not roll.",
        "`kubectl rollout status` waits; `kubectl get deployment -o jsonpath='{.spec.paused}'`",
        "resume it (kubectl rollout resume)",
    ),
    Cause(
        "on-delete",
        "Nobody deletes the old Pods",
        "With OnDelete the new version comes when Pods are deleted by hand.",
        "`kubectl get` the set `-o jsonpath='{.spec.updateStrategy.type}'`; `kubectl get pods -L "
        "controller-revision-hash`",
        "delete its Pods one by one, or set updateStrategy RollingUpdate",
    ),
    Cause(
        "stuck-ordinal",
        "A Pod of a given up version is in the way",
        "StatefulSets wait for it; only deleting it helps.",
        "`kubectl get pods -L controller-revision-hash`: a Pod that is not ready has another revision than "
        "status.updateRevision",
        "delete that Pod",
    ),
    Cause(
        "finalizer",
        "A finalizer keeps an old Pod",
        "It goes when whoever set the finalizer takes it off.",
        "`kubectl get pods` (Terminating for long); `kubectl get pod -o jsonpath='{.metadata.finalizers}'`",
        "let whoever set the finalizer take it off",
    ),
    Cause(
        "pod-does-not-end",
        "An old Pod does not end",
        "Its node does not report any more.",
        "`kubectl get pods -o wide` (Terminating for long); `kubectl get nodes` (NotReady)",
        "bring the node back, or, if it is gone for good, force the Pod away or taint the node out-of-service",
    ),
    Cause(
        "drain-refused",
        "The drain is refused",
        "A budget, a Pod that nobody would replace, or one with data in an emptyDir keeps the node from being empty.",
        "`kubectl drain` says so, of a budget again and again; `kubectl get pdb` (ALLOWED DISRUPTIONS 0)",
        "let the budget spare a Pod; if Pods that nobody replaces may go, drain with --force, and if the data in "
        "emptyDir volumes may, with --delete-emptydir-data",
    ),
    Cause(
        "api-unreachable",
        "The API server can't be reached",
        "Pods run on as they are; no controller, scheduler or node hears of anything, and the update stands still.",
        "every `kubectl` fails (connection refused, timeout)",
        "bring the API server back; the update goes on by itself then",
    ),
    Cause(
        "change-refused",
        "The change is refused",
        "The API server does not accept it.",
        "`kubectl apply --dry-run=server` is refused in the same words",
        "correct what the message names",
    ),
)
