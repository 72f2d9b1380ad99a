"""The bundle's network: a veth pair to the machine, everything else on its own loopback."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path

from switchboard_local.bundle.addresses import BundleAddresses
from switchboard_local.command import run_command

INSIDE_INTERFACE = "sb0"


def routed_networks(ip: Path) -> list[ipaddress.IPv4Network]:
    """Return every IPv4 network the machine has a route to, the default route left out."""
    networks = []
    for line in run_command([str(ip), "-4", "route", "show", "table", "main"]).splitlines():
        words = line.split()
        target = words[1] if words and words[0] in {"unreachable", "blackhole"} else words[0]
        if target != "default":
            networks.append(ipaddress.IPv4Network(target, strict=False))
    return networks


def connect(ip: Path, addresses: BundleAddresses, init_pid: int) -> None:
    """Make the veth pair between the machine and the namespace of `init_pid`."""
    _batch(ip, outside_commands(addresses, init_pid))


def disconnect(ip: Path, addresses: BundleAddresses) -> None:
    """Remove the machine's end, if the end of the namespace has not done so already."""
    if Path("/sys/class/net", addresses.interface).exists():
        run_command([str(ip), "link", "delete", addresses.interface])


def configure_inside(ip: Path, addresses: BundleAddresses, nodes: int) -> None:
    """Give the bundle its addresses; runs inside, after `connect`."""
    _batch(ip, inside_commands(addresses, nodes))
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def outside_commands(addresses: BundleAddresses, init_pid: int) -> list[str]:
    """Return the `ip` commands for the machine's side."""
    return [
        f"link add {addresses.interface} type veth peer name {INSIDE_INTERFACE} netns {init_pid}",
        f"address add {addresses.outside}/30 dev {addresses.interface}",
        f"link set {addresses.interface} up",
        f"route add {addresses.network} via {addresses.inside}",
    ]


def inside_commands(addresses: BundleAddresses, nodes: int) -> list[str]:
    """Return the `ip` commands for the inside."""
    return [
        "link set lo up",
        *(f"address add {address}/32 dev lo" for address in addresses.on_loopback(nodes)),
        f"address add {addresses.inside}/30 dev {INSIDE_INTERFACE}",
        f"link set {INSIDE_INTERFACE} up",
        # ClusterIPs have no route of their own: without this one the kernel refuses them.
        f"route add default via {addresses.outside}",
    ]


def _batch(ip: Path, commands: Sequence[str]) -> None:
    run_command([str(ip), "-batch", "-"], text_in="\n".join(commands) + "\n")
