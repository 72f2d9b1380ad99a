"""Ports for servers: free, different, and never one an outgoing connection may take."""

import socket
from pathlib import Path

from switchboard_local.ports import free_port, free_ports
from switchboard_local.processes.layout import rtp_ports

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_ports_are_different_and_can_be_bound() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))


def test_no_outgoing_connection_can_take_a_port_that_was_given_out() -> None:
    first, _ = map(int, EPHEMERAL.read_text().split())
    assert all(port < first for port in [*free_ports(20), free_port(socket.SOCK_DGRAM)])


def test_calls_use_ports_that_no_server_gets() -> None:
    first, last = rtp_ports(Path("/somewhere/out"))
    assert 20000 <= first < last < 32768
    assert all(port < 20000 for port in free_ports(20))
