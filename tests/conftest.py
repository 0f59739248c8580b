"""One Ceph for all tests that want it."""

from collections.abc import Iterator

import pytest

from ceph import one_node
from ceph.one_node import OneNode


@pytest.fixture(scope="session")
def ceph_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneNode]:
    if not one_node.is_there():
        pytest.skip("no Ceph on this machine: make test-ceph installs Debian's packages")
    started = OneNode(tmp_path_factory.mktemp("ceph"))
    try:
        started.start()
        yield started
    finally:
        started.stop()
