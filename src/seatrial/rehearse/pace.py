"""How long the writes of a control plane take: Pods of one wave get ready one after the other.

Where nothing took any time, controllers would find whole waves done at once, and scale in other steps than on a
cluster. Measured on kube-apiserver 1.20 with etcd on a disk (tests/rehearse/recorded), and on Seatrial's own.
"""

from seatrial.client.paced import Pace


def quiet() -> Pace:
    """Of Kubernetes' control plane when it has nothing else to do."""
    return Pace(latency=0.010, service=0.0025)


def busy() -> Pace:
    """Of one that a dozen others use at the same time."""
    return Pace(latency=0.040, service=0.005)


def own() -> Pace:
    """Of Seatrial's."""
    return Pace(latency=0.0015, service=0.0003)


PACES = {"quiet": quiet, "busy": busy}
"""Those of recordings."""
