"""`seatrial rehearse`: its first line, its exit codes, what is told of bad input."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.cli.commands.rehearse import command
from simulation.worlds import deployment

PROBED = {"readinessProbe": {"periodSeconds": 1, "httpGet": {"path": "/", "port": 80}}}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    web = deployment("web", 4)
    web["spec"]["template"]["spec"]["containers"][0] |= PROBED
    write(tmp_path / "old.yaml", web)
    web["spec"]["template"]["spec"]["containers"][0]["image"] = "nginx:1.11.9"
    write(tmp_path / "new.yaml", web)
    write_broken(tmp_path, web)
    web["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "ssd"}
    write(tmp_path / "stuck.yaml", web)
    del web["metadata"]["namespace"]
    write(tmp_path / "stuck-bare.yaml", web)
    del web["spec"]["template"]["spec"]["nodeSelector"]
    write(tmp_path / "bare.yaml", web)
    write(tmp_path / "behaviour.yaml", {"defaults": {"start": {"uniform": [2, 20]}}})
    return tmp_path


def write_broken(folder: Path, web: JSON) -> None:
    pod_spec = web["spec"]["template"]["spec"]
    dash = {**pod_spec, "containers": [*pod_spec["containers"], None]}
    write(folder / "typo.yaml", {**web, "spec": {**web["spec"], "replica": 2}})
    write(folder / "text.yaml", {**web, "spec": {**web["spec"], "replicas": "2"}})
    write(folder / "dash.yaml", {**web, "spec": {**web["spec"], "template": {**web["spec"]["template"], "spec": dash}}})
    write(folder / "kind.yaml", {**web, "kind": "Deploymnet"})
    write(folder / "none.yaml")


def write(path: Path, *content: JSON) -> None:
    path.write_text(yaml.safe_dump_all(content))


def run(folder: Path, *arguments: str, stdin: str = "") -> Result:
    words = [word.replace("@", f"{folder}/") if word.startswith("@") else word for word in arguments]
    return CliRunner().invoke(command, words, input=stdin, standalone_mode=False)


def test_the_first_line_is_the_verdict(files: Path) -> None:
    done = run(files, "--old", "@old.yaml", "-f", "@new.yaml")
    assert done.output.splitlines()[0] == "COMPLETES in 6s, at least 3 of 4 Pods available"
    assert done.return_value == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["-f", "@new.yaml"], 0),
        (["-f", "@new.yaml", "--min-available", "3", "--max-duration", "1m"], 0),
        (["-f", "@new.yaml", "--min-available", "4"], 4),
        (["-f", "@new.yaml", "--max-duration", "3s"], 4),
        (["-f", "@stuck.yaml"], 3),
        (["--image", "c=nginx", "--strict"], 2),
        (["deployment/web", "--restart", "--scale", "2"], 0),
    ],
)
def test_the_exit_code_says_how_it_went(files: Path, arguments: list[str], code: int) -> None:
    assert run(files, "--old", "@old.yaml", *arguments).return_value == code


def test_the_hang_comes_with_its_evidence(files: Path) -> None:
    lines = run(files, "--old", "@old.yaml", "-f", "@stuck.yaml").output.splitlines()
    assert lines[0].startswith("HANGS at 0/4 after 1s: pod web-")
    assert "What happened:" in lines
    assert any("FailedScheduling" in line for line in lines)


def test_json_has_everything(files: Path) -> None:
    told: dict[str, Any] = json.loads(run(files, "--old", "@old.yaml", "-f", "@stuck.yaml", "-o", "json").output)
    assert list(told)[:7] == [
        "verdict", "reason", "duration_seconds", "min_available", "max_pods", "scale_events", "findings",
    ]  # fmt: skip
    assert told["verdict"] == "hangs"
    assert set(told["scale_events"][0]) == {"time_seconds", "object", "from", "to"}
    assert set(told["findings"][0]) >= {"rule", "message", "objects", "remedy"}


def test_many_trials_give_percentiles(files: Path) -> None:
    arguments = ["--old", "@old.yaml", "-f", "@new.yaml", "--behaviour", "@behaviour.yaml", "--trials", "8"]
    told = json.loads(run(files, *arguments, "-o", "json").output)
    spread = told["spread"]
    assert spread["trials"] == spread["completed"] == 8
    assert spread["p50_seconds"] < spread["p95_seconds"] <= spread["worst_seconds"]
    assert f"(p95 {round(spread['p95_seconds'])}s)" in told["headline"]


def test_manifests_that_name_no_namespace_are_in_the_one_that_is_given(files: Path) -> None:
    done = run(files, "--old", "@bare.yaml", "-f", "@stuck-bare.yaml", "-n", "team")
    assert done.output.splitlines()[0].startswith("HANGS at 0/4")
    assert "namespaces: only the names of team are known" in done.output
    bare = run(files, "--old", "@bare.yaml", "deployment/web", "--scale", "2", "-n", "team")
    assert bare.output.splitlines()[0].startswith("COMPLETES")


def test_manifests_come_on_standard_input(files: Path) -> None:
    new = (files / "new.yaml").read_text()
    assert run(files, "--old", "@old.yaml", "-f", "-", stdin=new).return_value == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--old", "@old.yaml"], "say what changes"),
        (["--old", "@old.yaml", "--image", "c="], "--image takes CONTAINER=IMAGE"),
        (["--old", "@old.yaml", "--rolling-update", "web"], "takes one new ReplicationController from -f; got 0"),
        (["--old", "@old.yaml", "--from", "@old.yaml", "-f", "@new.yaml"], "start from one thing"),
        (["--old", "@missing.yaml", "-f", "@new.yaml"], "No such file"),
        (["--old", "@old.yaml", "-f", "@new.yaml", "--nodes", "many"], "--nodes takes"),
        (["--old", "@old.yaml", "-f", "@new.yaml", "--fault", "flood"], "--fault takes"),
        (["--old", "@old.yaml", "-f", "@new.yaml", "--fault", "node-crash=n9"], "there is no such node"),
        (["--old", "@old.yaml", "-f", "@new.yaml", "--behaviour", "@old.yaml"], "a behaviour file has"),
        (["--old", "@old.yaml", "-f", "@new.yaml", "--kubernetes-version", "1.2"], "is not known"),
        (["service/web", "--old", "@old.yaml", "--restart"], "there is no service/web in namespace default"),
        (["--old", "@old.yaml", "-f", "@typo.yaml"], 'Deployment web: unknown field "spec.replica" in Kubernetes 1.32'),
        (["--old", "@old.yaml", "-f", "@text.yaml"], "Deployment web: cannot unmarshal string into Go struct field"),
        (["--old", "@old.yaml", "-f", "@dash.yaml"], "Deployment web: spec.template.spec.containers[1] is empty"),
        (
            ["--old", "@old.yaml", "-f", "@kind.yaml"],
            "Kubernetes 1.32 does not know them by itself: Deploymnet.apps/v1",
        ),
        (["--old", "@old.yaml", "-f", "@none.yaml"], "there are no objects in"),
        (["deployment/web", "--old", "@old.yaml"], "deployment/web: say what changes: -f FILE"),
        (["deployment/other", "--old", "@old.yaml", "-f", "@new.yaml"], "there is no deployment/other in namespace"),
        (["--recorded", "@old.yaml", "-f", "@new.yaml"], "--recorded brings its own beginning"),
        (["--old", "@old.yaml", "--restart", "--trials", "0"], "Invalid value for '--trials'"),
        (
            ["--old", "@old.yaml", "--restart", "--nodes", "1x8cpu,32gi"],
            "--nodes takes COUNTxCPUcpu",
        ),
        (["-n", "shop", "--old", "@old.yaml", "-f", "@new.yaml"], "is for namespace default, and -n says shop"),
        (["--old", "@old.yaml", "--drain", "n9"], "there is no node/n9; there are node-1, node-2, node-3"),
        (["--old", "@old.yaml", "--delete-pod", "web"], "there is no pod/web in namespace default; there are web-"),
    ],
)
def test_bad_input_is_told_in_a_line(files: Path, arguments: list[str], told: str) -> None:
    failed = run(files, *arguments)
    assert isinstance(failed.exception, ToolError) or failed.exception.__class__.__name__ == "StatusError"
    assert told in str(failed.exception)


@pytest.mark.parametrize("around", [["-f", "@new.yaml"], ["--drain", "node-1"]], ids=lambda each: str(each[0]))
def test_a_workload_may_be_named_for_what_else_is_done(files: Path, around: list[str]) -> None:
    told = json.loads(run(files, "deployment/web", "--old", "@old.yaml", *around, "-o", "json").output)
    assert (told["verdict"], told["workloads"]) == ("completes", ["deployment/web"])


def test_namespaces_that_manifests_do_not_bring_are_assumed_to_exist(files: Path) -> None:
    written = yaml.safe_load((files / "new.yaml").read_text())
    write(files / "shop.yaml", {**written, "metadata": {"name": "web", "namespace": "shop"}})
    write(files / "bare.yaml", {**written, "metadata": {"name": "web"}})
    for arguments in (["-f", "@shop.yaml"], ["-n", "shop", "-f", "@bare.yaml"]):
        told = run(files, "--old", "@old.yaml", *arguments).output
        assert told.startswith("COMPLETES")
        assert "namespaces: only the names of shop are known" in told


def test_a_namespace_that_a_dump_does_not_have_refuses_the_change(files: Path) -> None:
    write(files / "dump.yaml", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
    written = yaml.safe_load((files / "new.yaml").read_text())
    write(files / "shop.yaml", {**written, "metadata": {"name": "web", "namespace": "shop"}})
    done = run(files, "--from", "@dump.yaml", "-f", "@shop.yaml")
    assert done.output.splitlines()[0].endswith('namespaces "shop" not found')
    assert done.output.startswith("REFUSED")
    assert done.return_value == 3


def test_a_load_that_no_autoscaler_follows_is_told(files: Path) -> None:
    write(files / "load.yaml", {"load": {"wbe": [{"at": "0s", "cpu": 2}], "team/api": [{"at": "0s", "cpu": 2}]}})
    done = run(files, "--old", "@old.yaml", "-f", "@new.yaml", "--behaviour", "@load.yaml")
    assert "that --behaviour gives wbe, team/api changes nothing: no horizontalpodautoscaler" in " ".join(
        done.output.split()
    )


def test_claims_of_a_stateful_set_get_volumes_of_a_class_that_is_assumed(files: Path) -> None:
    template = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    labels = {"app": "db"}
    container = {"name": "c", "image": "db:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    spec = {
        "serviceName": "db",
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        "volumeClaimTemplates": [template],
    }
    write(files / "db.yaml", {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec})
    told = run(files, "--old", "@old.yaml", "-f", "@db.yaml").output
    assert told.startswith("COMPLETES")
    assert "no StorageClass is known: standard assumed" in " ".join(told.split())


def test_nodes_alone_are_an_empty_cluster_for_a_first_installation(files: Path) -> None:
    told = run(files, "-f", "@new.yaml", "--nodes", "2x4cpu,8Gi").output
    assert told.splitlines()[0] == "COMPLETES in 3s: 4 of 4 Pods available, all new"
    assert "the cluster is empty before the change" in told


def test_a_cluster_that_can_not_be_reached_is_told_in_a_line(files: Path) -> None:
    access = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c"}}],
        "current-context": "c",
    }
    write(files / "kubeconfig", access)
    failed = run(files, "--kubeconfig", "@kubeconfig", "-f", "@new.yaml")
    assert str(failed.exception).startswith("can't reach http://127.0.0.1:1")
    assert isinstance(failed.exception, ToolError)


def test_where_there_is_no_cluster_the_other_beginnings_are_told(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(files / "none"))
    failed = run(files, "-f", "@new.yaml")
    assert isinstance(failed.exception, ToolError)
    assert "or start without one: from a dump (--from), from manifests (--old)" in str(failed.exception)
