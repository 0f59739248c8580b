"""Status objects."""

import pytest

from seatrial.api.registry import DEPLOYMENTS, PODS
from seatrial.machinery import status, validation


def test_a_status_has_kubernetes_fields_in_kubernetes_order():
    error = status.not_found(DEPLOYMENTS, "web")
    assert list(error.status) == ["kind", "apiVersion", "metadata", "status", "message", "reason", "details", "code"]
    assert error.status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'deployments.apps "web" not found',
        "reason": "NotFound",
        "details": {"name": "web", "group": "apps", "kind": "deployments"},
        "code": 404,
    }


@pytest.mark.parametrize(
    ("error", "code", "reason", "message", "details"),
    [
        (
            status.already_exists(PODS, "p", terminating=True),
            409,
            "AlreadyExists",
            'object is being deleted: pods "p" already exists',
            {"name": "p", "kind": "pods"},
        ),
        (
            status.conflict(PODS, "p"),
            409,
            "Conflict",
            'Operation cannot be fulfilled on pods "p": the object has been modified; '
            "please apply your changes to the latest version and try again",
            {"name": "p", "kind": "pods"},
        ),
        (
            status.conflict(DEPLOYMENTS, "d", "why", by_kind=True),
            409,
            "Conflict",
            'Operation cannot be fulfilled on Deployment.apps "d": why',
            {"name": "d", "group": "apps", "kind": "Deployment"},
        ),
        (status.forbidden(PODS, "", "no"), 403, "Forbidden", "pods is forbidden: no", {"kind": "pods"}),
        (
            status.forbidden(PODS, "p", "no"),
            403,
            "Forbidden",
            'pods "p" is forbidden: no',
            {"name": "p", "kind": "pods"},
        ),
        (status.bad_request("what"), 400, "BadRequest", "what", None),
        (status.unauthorized(), 401, "Unauthorized", "Unauthorized", None),
        (status.expired("old"), 410, "Expired", "old", None),
        (
            status.too_many_requests("later", 7),
            429,
            "TooManyRequests",
            "later",
            {"retryAfterSeconds": 7},
        ),
        (
            status.internal_error("oops"),
            500,
            "InternalError",
            "Internal error occurred: oops",
            {"causes": [{"message": "oops"}]},
        ),
        (status.plain_error("oops"), 500, "", "oops", None),
        (
            status.method_not_supported(PODS, "watch"),
            405,
            "MethodNotAllowed",
            'watch is not supported on resources of kind "pods"',
            {"kind": "pods"},
        ),
        (
            status.server_timeout(PODS, "POST"),
            500,
            "ServerTimeout",
            "The POST operation against pods could not be completed at this time, please try again.",
            {"name": "POST", "kind": "pods"},
        ),
        (
            status.too_large_resource_version(9, 5),
            504,
            "Timeout",
            "Timeout: Too large resource version: 9, current: 5",
            {
                "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
                "retryAfterSeconds": 1,
            },
        ),
        (
            status.unsupported_media_type("415: Unsupported Media Type", routed=True),
            415,
            "UnsupportedMediaType",
            "415: Unsupported Media Type",
            {},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_errors_have_kubernetes_words(error, code, reason, message, details):
    assert (error.code, error.reason, error.message) == (code, reason, message)
    assert error.status.get("details") == details


def test_invalid_tells_each_cause_and_equal_messages_once():
    twice = validation.required("spec.selector")
    other = validation.invalid("spec.replicas", -1, "must be greater than or equal to 0")
    error = status.invalid(DEPLOYMENTS, "web", [twice, other, twice])
    assert error.message == (
        'Deployment.apps "web" is invalid: [spec.selector: Required value, '
        "spec.replicas: Invalid value: -1: must be greater than or equal to 0]"
    )
    assert error.status["details"]["kind"] == "Deployment"
    assert [cause["field"] for cause in error.causes] == ["spec.selector", "spec.replicas", "spec.selector"]
    assert error.causes[0] == {"reason": "FieldValueRequired", "message": "Required value", "field": "spec.selector"}
    assert status.invalid(PODS, "p", [twice]).message == 'Pod "p" is invalid: spec.selector: Required value'


def test_retry_after_is_a_header_too():
    assert status.too_many_requests("later", 7).headers == {"Retry-After": "7"}


def test_success_has_no_empty_fields():
    assert status.success() == {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    told = status.success(DEPLOYMENTS, "web", "u1")
    assert told["details"] == {"name": "web", "group": "apps", "kind": "deployments", "uid": "u1"}
