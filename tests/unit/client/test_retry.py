"""When a request is sent again."""

import pytest

from seatrial.client.retry import NEVER, Outcome, RetryPolicy


@pytest.mark.parametrize(
    ("method", "attempt", "outcome", "headers", "expected"),
    [
        pytest.param("POST", 1, "not connected", {}, 0.1, id="nothing was sent: any method"),
        pytest.param("POST", 3, "not connected", {}, 0.4, id="pauses double"),
        pytest.param("GET", 5, "not connected", {}, None, id="not for ever"),
        pytest.param("GET", 1, "connection lost", {}, 0.1, id="a read can be repeated"),
        pytest.param("POST", 1, "connection lost", {}, None, id="a write may have happened"),
        pytest.param("POST", 1, 429, {"retry-after": "3"}, 3.0, id="the server says when"),
        pytest.param("PUT", 1, 503, {"retry-after": "1"}, 1.0, id="unavailable with a time"),
        pytest.param("GET", 1, 503, {}, 0.1, id="unavailable without a time: a read can be repeated"),
        pytest.param("GET", 2, 500, {}, 0.2, id="so it can after a server's trouble"),
        pytest.param("GET", 5, 500, {}, None, id="but not for ever"),
        pytest.param("POST", 1, 503, {}, None, id="unavailable without a time: a write may have happened"),
        pytest.param("POST", 1, 429, {}, None, id="an eviction that a budget refuses"),
        pytest.param("GET", 1, 410, {}, None, id="gone is gone"),
        pytest.param("GET", 1, 404, {"retry-after": "1"}, None, id="not for what will stay so"),
        pytest.param("GET", 11, 429, {"retry-after": "1"}, None, id="ten times at most"),
        pytest.param("PUT", 1, 429, {"retry-after": "soon"}, None, id="a time that is no number"),
    ],
)
def test_a_request_is_repeated_only_where_that_is_safe(
    method: str, attempt: int, outcome: Outcome, headers: dict[str, str], expected: float | None
) -> None:
    assert RetryPolicy().pause(method, attempt, outcome, headers) == expected


def test_never_is_never() -> None:
    assert NEVER.pause("GET", 1, "not connected", {}) is None
    assert NEVER.pause("GET", 1, 429, {"retry-after": "1"}) is None
