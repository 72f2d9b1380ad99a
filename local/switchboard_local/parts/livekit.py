"""livekit-server: rooms, worker dispatch and the SIP API.

Every address in its configuration is one of this machine's own: no client and no server is told
to ask an Internet STUN server, so that calls are set up without waiting for one.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from switchboard_local.part import Part
from switchboard_local.probes import HttpReady


@dataclass(frozen=True, slots=True)
class LiveKitKey:
    """The API key that operator, workers and SIP edge share."""

    key: str
    secret: str = field(repr=False)
    """At least 32 characters, or the server refuses it."""


LOCAL_KEY = LiveKitKey("switchboard-local", "local-secret-that-protects-nothing")
"""Key and secret of servers that only this machine can reach."""


@dataclass(frozen=True, slots=True)
class LiveKitAddress:
    """Where the server listens."""

    host: str
    """Signalling, API and media all use this address."""
    port: int
    """HTTP and WebSocket."""
    udp_port: int
    """All media, on one port."""
    tcp_port: int
    """Media of clients without UDP."""
    interface: str
    """Network interface that owns `host`: only its addresses are offered to clients."""

    @property
    def http_url(self) -> str:
        """For the API."""
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        """For workers and clients."""
        return f"ws://{self.host}:{self.port}"


def livekit_config(
    *, address: LiveKitAddress, redis: str, keys: LiveKitKey, ice_lite: bool = True
) -> dict[str, Any]:
    """Return the server's configuration.

    `ice_lite` saves the first 0.75 s of the caller's speech: without it the SIP side's connection
    settles about a second late.
    """
    return {
        "port": address.port,
        "bind_addresses": [address.host],
        "keys": {keys.key: keys.secret},
        "redis": {"address": redis},
        "rtc": {
            "udp_port": address.udp_port,
            "tcp_port": address.tcp_port,
            "use_external_ip": False,
            "node_ip": address.host,
            "enable_loopback_candidate": True,
            "interfaces": {"includes": [address.interface]},
            "stun_servers": ["127.0.0.1:3478"],
            "use_ice_lite": ice_lite,
        },
        "limit": {"num_tracks": -1},
        "room": {"departure_timeout": 2},
        "logging": {"json": True, "level": "info"},
    }


def livekit_part(
    *, program: Path, directory: Path, address: LiveKitAddress, redis: str, keys: LiveKitKey
) -> Part:
    """Return the media server; `redis` is host:port."""
    config = directory / "livekit.yaml"
    text = yaml.safe_dump(livekit_config(address=address, redis=redis, keys=keys))
    return Part(
        name="livekit",
        command=(str(program), "--config", str(config)),
        probe=HttpReady(address.http_url),
        listens=((address.host, address.port), (address.host, address.tcp_port)),
        files={config: text},
        after=("redis",),
    )
