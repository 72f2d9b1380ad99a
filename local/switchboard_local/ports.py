"""Free ports on this machine, for servers that several runs start at once.

They lie below the range from which the kernel takes ports for outgoing connections: one of those
may be taken again between the moment it was found free and the moment its server starts.
"""

import contextlib
import random
import socket
from collections.abc import Iterator

from switchboard_local.errors import LocalError

LOOPBACK = "127.0.0.1"

PORTS = range(12000, 20000)
"""Large enough that two runs that choose at the same moment hardly ever meet."""

TRIES = 200


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM, host: str = LOOPBACK) -> int:
    """Return a port nobody is bound to now."""
    with _held(kind, host) as port:
        return port


def free_ports(count: int, host: str = LOOPBACK) -> list[int]:
    """Return several free TCP ports, all different."""
    with contextlib.ExitStack() as held:
        return [held.enter_context(_held(socket.SOCK_STREAM, host)) for _ in range(count)]


@contextlib.contextmanager
def _held(kind: socket.SocketKind, host: str) -> Iterator[int]:
    """Bind a free port for the length of the block."""
    for _ in range(TRIES):
        port = random.choice(PORTS)  # noqa: S311 - spreads runs, protects nothing
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            yield port
            return
    raise LocalError(f"no free port found between {PORTS.start} and {PORTS.stop} on {host}")
