"""Port numbers where a process may not bind all of them."""

SHIFT = 10_000


def reachable_port(port: int, lowest_bindable: int) -> int:
    """Where a container that says it listens on `port` can be reached on this host.

    differs: without root a process can't bind ports below `lowest_bindable` (net.ipv4.ip_unprivileged_port_start), so
    that they move up by 10,000; node and proxy agree on it through this function.
    """
    return port + SHIFT if port < lowest_bindable else port
