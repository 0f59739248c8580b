"""Deployment in apps/v1beta1: selector and labels from the template, two old revisions, spec.rollbackTo.

Follows pkg/apis/apps/v1beta1 (1.15): SetDefaults_Deployment and the conversions of DeploymentSpec.
"""

from seatrial.api import old_version
from seatrial.api.extensions_v1beta1 import deployment
from seatrial.api.registry import DEPLOYMENTS
from seatrial.base.types import JSON


def default(obj: JSON) -> None:
    spec = old_version.default_from_template(obj)
    old_version.default_fields(spec, revisionHistoryLimit=2)
    DEPLOYMENTS.default(obj)


RESOURCE = old_version.of(
    DEPLOYMENTS,
    "apps",
    "v1beta1",
    default=default,
    fields_to_stored=deployment.to_stored,
    fields_from_stored=deployment.from_stored,
    subresources=deployment.SUBRESOURCES,
    free_selector=True,
)
