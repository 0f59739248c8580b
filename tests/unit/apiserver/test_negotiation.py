"""What an Accept header asks for."""

import pytest

from seatrial.apiserver import negotiation
from seatrial.apiserver.negotiation import Wanted
from seatrial.base.errors import StatusError

KUBECTL_GET = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("", Wanted(), id="nothing said"),
        pytest.param("*/*", Wanted(), id="anything"),
        pytest.param("application/json", Wanted(), id="JSON"),
        pytest.param("application/yaml", Wanted(yaml=True), id="YAML"),
        pytest.param("application/vnd.kubernetes.protobuf,application/json", Wanted(), id="protobuf, else JSON"),
        pytest.param("application/json;q=0.1, application/yaml", Wanted(yaml=True), id="best liked first"),
        pytest.param(KUBECTL_GET, Wanted(form="Table"), id="kubectl get"),
        pytest.param("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", Wanted(), id="unknown version"),
        pytest.param("application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
                     Wanted(form="PartialObjectMetadata"), id="metadata"),
        pytest.param("text/html, */*;q=0.8", Wanted(), id="a browser"),
    ],
)  # fmt: skip
def test_the_best_form_there_is_is_chosen(accept: str, expected: Wanted) -> None:
    assert negotiation.parse(accept) == expected


@pytest.mark.parametrize("accept", ["text/html", "application/vnd.kubernetes.protobuf", "application/json;as=Nothing"])
def test_what_there_is_not_is_406(accept: str) -> None:
    with pytest.raises(StatusError) as caught:
        negotiation.parse(accept)
    assert caught.value.code == 406


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json", "v2"),
        ("application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json", "v2beta1"),
        ("application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList,application/json", ""),
        ("application/json", ""),
        ("", ""),
    ],
)
def test_aggregated_discovery_has_to_be_asked_for(accept: str, expected: str) -> None:
    assert negotiation.discovery_form(accept) == expected
