"""The OpenAPI documents by path; each is made when it is first asked for (spec: api.md §12)."""

from seatrial.api.old_versions import SERVED
from seatrial.api.schema_set import SchemaSet
from seatrial.base.types import JSON
from seatrial.machinery import openapi, openapi_protobuf

V3, V2 = "/openapi/v3", "/openapi/v2"


def find(path: str, schemas: SchemaSet) -> JSON | None:
    """The document at a path under /openapi; None if there is none."""
    if path == V2:
        return openapi.v2_document(SERVED, schemas)
    if path == V3:
        return openapi.v3_index(SERVED, schemas.release)
    root = path.removeprefix(V3 + "/")
    group_version = root.removeprefix("apis/").removeprefix("api/")
    if root == path or group_version == root or group_version not in openapi.group_versions(SERVED):
        return None
    return openapi.v3_document(group_version, SERVED, schemas)


def v2_protobuf(schemas: SchemaSet) -> bytes:
    """What kubectl takes of the v2 document, in the form that it takes."""
    return openapi_protobuf.encode(openapi.v2_document(SERVED, schemas))
