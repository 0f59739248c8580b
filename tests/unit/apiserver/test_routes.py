"""From paths to resources."""

import pytest

from seatrial.apiserver import routes


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/v1/pods", ("pods", "", "", "", False)),
        ("/api/v1/namespaces/a/pods", ("pods", "a", "", "", False)),
        ("/api/v1/namespaces/a/pods/p", ("pods", "a", "p", "", False)),
        ("/api/v1/namespaces/a/pods/p/log", ("pods", "a", "p", "log", False)),
        ("/api/v1/namespaces", ("namespaces", "", "", "", False)),
        ("/api/v1/namespaces/a", ("namespaces", "", "a", "", False)),
        ("/api/v1/namespaces/a/finalize", ("namespaces", "", "a", "finalize", False)),
        ("/api/v1/nodes/n/status", ("nodes", "", "n", "status", False)),
        ("/apis/apps/v1/namespaces/a/deployments/d/scale", ("deployments", "a", "d", "scale", False)),
        ("/api/v1/watch/pods", ("pods", "", "", "", True)),
        ("/api/v1/watch/namespaces/a/pods/p", ("pods", "a", "p", "", True)),
        ("/api/v1/pods/", ("pods", "", "", "", False)),
    ],
)
def test_a_path_names_a_resource(path: str, expected: tuple[str, str, str, str, bool]) -> None:
    route = routes.resolve(path)
    assert route is not None
    found = (route.resource.plural, route.namespace, route.name, route.subresource, route.watch)
    assert found == expected
    assert routes.resolve(path) is route


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/v1",
        "/apis/apps/v1",
        "/api/v1/things",
        "/api/v2/pods",
        "/apis/apps/v2/deployments",
        "/api/v1/pods/p",
        "/api/v1/namespaces/a/nodes",
        "/api/v1/namespaces/a/pods/p/unheard",
        "/api/v1/namespaces/a/pods/p/log/more",
        "/api/v1/namespaces//pods",
        "/version",
    ],
)
def test_other_paths_name_none(path: str) -> None:
    assert routes.resolve(path) is None


def test_the_cache_of_paths_is_bounded() -> None:
    for number in range(routes.CACHED_PATHS + 10):
        routes.resolve(f"/api/v1/namespaces/a/pods/p{number}")
    assert len(routes._cache) <= routes.CACHED_PATHS
