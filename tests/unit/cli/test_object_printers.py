"""One object in the forms of -o."""

import pytest

from seatrial.api.registry import REPLICATION_CONTROLLERS
from seatrial.base.errors import ToolError
from seatrial.cli import object_printers

RC = {
    "metadata": {"name": "web", "labels": {"b": "2", "a": "1"}, "creationTimestamp": "2026-01-01T00:00:00Z"},
    "spec": {
        "replicas": 4,
        "selector": {"a": "1"},
        "template": {"spec": {"containers": [{"name": "c", "image": "n:1"}]}},
    },
    "status": {"replicas": 4, "readyReplicas": 3},
}
NOW = 1767225600.0 + 65


@pytest.mark.parametrize(
    ("output", "options", "expected"),
    [
        ("name", {}, "replicationcontroller/web\n"),
        (
            "wide",
            {},
            "NAME   DESIRED   CURRENT   READY   AGE   CONTAINERS   IMAGES   SELECTOR\n"
            "web    4         4         3       65s   c            n:1      a=1\n",
        ),
        (
            "wide",
            {"no_headers": True, "show_labels": True},
            "web   4     4     3     65s   c     n:1   a=1   a=1,b=2\n",
        ),
        (
            "custom-columns=NAME:.metadata.name,SIZE:{.spec.replicas},X:.nope",
            {},
            "NAME   SIZE   X\nweb    4      <none>\n",
        ),
        ("jsonpath={.metadata.name}", {}, "web"),
        ("jsonpath=.metadata.name", {}, "web"),
        ("go-template={{.kind}}", {}, "ReplicationController"),
    ],
)
def test_forms(output: str, options: dict[str, bool], expected: str) -> None:
    printer = object_printers.printer(output, **options)
    assert printer is not None
    assert object_printers.text(printer, REPLICATION_CONTROLLERS, RC, NOW) == expected


def test_json_and_yaml_say_what_the_object_is() -> None:
    for output, begin in (("json", '{\n    "apiVersion": "v1",\n'), ("yaml", "apiVersion: v1\nkind: Repl")):
        printer = object_printers.printer(output)
        assert printer is not None
        assert object_printers.text(printer, REPLICATION_CONTROLLERS, RC, NOW).startswith(begin)


def test_a_template_alone_is_a_go_template() -> None:
    printer = object_printers.printer("", "{{.metadata.name}}")
    assert printer is not None
    assert object_printers.text(printer, REPLICATION_CONTROLLERS, RC, NOW) == "web"
    assert object_printers.printer("") is None


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("xml", 'unable to match a printer suitable for the output format "xml"'),
        ("jsonpath", "jsonpath format specified but no jsonpath given"),
        ("custom-columns", "custom-columns format specified but no custom-columns given"),
        ("go-template-file=/nowhere", "error reading --template /nowhere"),
    ],
)
def test_forms_that_are_none(output: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        object_printers.printer(output)
