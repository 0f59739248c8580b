"""The Accept header: JSON or YAML, and as what (k8s.io/apiserver/pkg/endpoints/handlers/negotiation)."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from seatrial.machinery import status

Form = Literal["", "Table", "PartialObjectMetadata", "PartialObjectMetadataList"]

ACCEPTED = "application/json, application/yaml, application/vnd.kubernetes.protobuf"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How an answer should look. `version`: of the group meta.k8s.io, in which Tables come."""

    yaml: bool = False
    form: Form = ""
    version: str = "v1"
    pretty: bool = False


PLAIN = Wanted()


@lru_cache(maxsize=1024)
def parse(accept: str) -> Wanted:
    """The first of the types asked for that there is. Raises NotAcceptable."""
    if accept in ("", "*/*", "application/json"):
        return PLAIN
    for media, parameters in clauses(accept):
        form = parameters.get("as", "")
        if media in ("application/json", "application/*", "*/*"):
            yaml = False
        elif media == "application/yaml":
            yaml = True
        else:
            continue
        if not form:
            return Wanted(yaml=yaml, pretty=parameters.get("pretty") == "1")
        version = parameters.get("v", "v1")
        if form in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList") and version in ("v1", "v1beta1"):
            return Wanted(yaml, form, version)  # type: ignore[arg-type]
    raise status.not_acceptable(f"only the following media types are accepted: {ACCEPTED}")


@lru_cache(maxsize=256)
def discovery_form(accept: str) -> str:
    """`v2` or `v2beta1` when aggregated discovery is what the client likes best, else ""."""
    for media, parameters in clauses(accept):
        if media != "application/json":
            continue
        if parameters.get("as") != "APIGroupDiscoveryList":
            return ""
        if parameters.get("g") == "apidiscovery.k8s.io" and parameters.get("v") in ("v2", "v2beta1"):
            return parameters["v"]
    return ""


def clauses(accept: str) -> list[tuple[str, dict[str, str]]]:
    """(media type, parameters) pairs, best liked first."""
    found = []
    for clause in accept.split(","):
        media, *rest = clause.split(";")
        parameters = {}
        for parameter in rest:
            name, _, value = parameter.partition("=")
            parameters[name.strip().lower()] = value.strip().strip('"')
        if media.strip():
            found.append((media.strip().lower(), parameters))
    return sorted(found, key=_quality, reverse=True)


def _quality(clause: tuple[str, dict[str, str]]) -> float:
    try:
        return float(clause[1].get("q", "1"))
    except ValueError:
        return 1.0
