"""Addresses of a bundle: one /16 of its own, chosen by where its files lie.

10.x.1.1   the machine's end of the veth pair      10.x.2.n   node n
10.x.1.2   inside: API server, LiveKit, Redis      10.x.3.1   SIP edge
10.x.3.53  name server
10.x.16n.0/20  pods of node n                      10.x.128.0/17  Services
"""

import hashlib
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from switchboard_local.errors import BundleError

FIRST_NETWORK = 64
NETWORKS = 64
"""Bundles use 10.64.0.0/16 up to 10.127.0.0/16."""

MAX_NODES = 3


@dataclass(frozen=True, slots=True)
class BundleAddresses:
    """Every address of one bundle; `number` is the x in 10.x.0.0/16."""

    number: int

    @property
    def network(self) -> ipaddress.IPv4Network:
        """The whole range."""
        return ipaddress.IPv4Network(f"10.{self.number}.0.0/16")

    @property
    def interface(self) -> str:
        """The machine's end of the veth pair; one name per range, so making it claims both."""
        return f"sb-{self.number}"

    @property
    def outside(self) -> str:
        """The machine, seen from inside."""
        return f"10.{self.number}.1.1"

    @property
    def inside(self) -> str:
        """Address of API server, LiveKit and Redis."""
        return f"10.{self.number}.1.2"

    @property
    def sip(self) -> str:
        """Address of the SIP edge."""
        return f"10.{self.number}.3.1"

    @property
    def dns(self) -> str:
        """Name server of the pods."""
        return f"10.{self.number}.3.53"

    def node(self, index: int) -> str:
        """Return the address of node `index`, counted from 1."""
        return f"10.{self.number}.2.{index}"

    def pods(self, index: int) -> str:
        """Return the pod range of node `index`."""
        return f"10.{self.number}.{16 * index}.0/20"

    @property
    def all_pods(self) -> str:
        """A range that holds the pods of every node, and no other address of the bundle."""
        return f"10.{self.number}.0.0/17"

    @property
    def services(self) -> str:
        """ClusterIPs."""
        return f"10.{self.number}.128.0/17"

    @property
    def kubernetes_service(self) -> str:
        """ClusterIP of the API server: by rule the first of the range."""
        return f"10.{self.number}.128.1"

    def on_loopback(self, nodes: int) -> list[str]:
        """Return the addresses that the bundle's `lo` carries beside 127.0.0.1."""
        return [
            *(self.node(index) for index in range(1, nodes + 1)),
            self.sip,
            self.dns,
        ]


def bundle_id(out: Path) -> str:
    """Return a short name of the bundle that writes there: its cgroups carry it."""
    return hashlib.sha256(str(out).encode()).hexdigest()[:8]


def choose_addresses(out: Path, taken: Collection[ipaddress.IPv4Network]) -> BundleAddresses:
    """Return the bundle's own range, or the next one that overlaps no route of the machine."""
    first = int(bundle_id(out), 16) % NETWORKS
    for step in range(NETWORKS):
        addresses = BundleAddresses(FIRST_NETWORK + (first + step) % NETWORKS)
        if not any(addresses.network.overlaps(other) for other in taken):
            return addresses
    raise BundleError(
        "every range from 10.64.0.0/16 to 10.127.0.0/16 is routed somewhere on this machine",
        remedy="end other local systems (`switchboard local down` in their checkouts) or take "
        "down the VPN that claims 10.0.0.0/8",
    )
