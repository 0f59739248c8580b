"""Warnings that are the same of several workloads are said once."""

from seatrial.rehearse import alike
from seatrial.rehearse.result import Finding, Result


def told(*findings: Finding, workloads: tuple[str, ...] = ("deployment/a", "deployment/b")) -> list[str]:
    return alike.warnings(Result("completes", "", 1.0, 1, 1, findings=findings, workloads=workloads))


def single(name: str) -> Finding:
    return Finding("single-replica", "a single replica", (name,), "run two")


def test_the_same_of_several_workloads_is_said_once_with_their_names() -> None:
    assert told(single("deployment/a"), single("deployment/b")) == [
        "a single replica; run two (deployment/a, deployment/b) [single-replica]"
    ]


def test_messages_that_differ_in_their_objects_are_the_same() -> None:
    probes = [Finding("no-probe", f"requests of service/{x}", (f"deployment/{x}", f"service/{x}")) for x in "ab"]
    assert told(*probes) == ["requests of service/a (deployment/a; the same of deployment/b) [no-probe]"]


def test_of_many_workloads_the_first_are_named() -> None:
    names = [f"deployment/w{i}" for i in range(8)]
    [line] = told(*map(single, names), workloads=tuple(names))
    assert line.endswith(
        "(deployment/w0, deployment/w1, deployment/w2, deployment/w3, deployment/w4 and 3 more) [single-replica]"
    )


def test_where_there_is_one_workload_its_name_says_nothing() -> None:
    assert told(single("deployment/a"), workloads=("deployment/a",)) == ["a single replica; run two [single-replica]"]


def test_another_image_is_another_warning() -> None:
    assert len(told(*(Finding("mutable-tag", f"image {image}", ("deployment/a",)) for image in ("x", "y")))) == 2
