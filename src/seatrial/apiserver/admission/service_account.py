"""ServiceAccount: a Pod that names no service account runs as `default` of its namespace.

Follows plugin/pkg/admission/serviceaccount/admission.go.
# differs: no kube-api-access token volume is mounted, and the account need not exist unless `admit_existing` is used
instead of `admit`.
"""

from seatrial.apiserver.admission.base import Attributes

DEFAULT = "default"


async def admit(attributes: Attributes) -> None:
    if not attributes.is_new_pod:
        return
    spec = attributes.obj["spec"]
    account = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT
    spec["serviceAccountName"] = account
    spec["serviceAccount"] = account
