"""The SIP side: the edge stand-in, or the real livekit-sip where the machine has one.

Both read the same trunks and rules from LiveKit and look the same to callers and to agents; which
one runs is the machine's business, and tests must pass on both.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from switchboard_local.part import Part
from switchboard_local.parts.livekit import LiveKitKey
from switchboard_local.probes import SipReady

RTP_PORTS = (20000, 24000)
"""An even port a call, held 30 s after its end: enough for 60 calls a second."""

MAX_CALLS = 400


@dataclass(frozen=True, slots=True)
class SipSettings:
    """Where calls come in, and the LiveKit they go to."""

    host: str
    port: int
    livekit_http_url: str
    livekit_ws_url: str
    keys: LiveKitKey
    redis: str
    """host:port; the server asks its bridge for calls through it."""
    rtp_ports: tuple[int, int] = RTP_PORTS
    drop_unrouted: bool = False
    """The edge is silent where no rule fits; livekit-sip always is."""


def sip_edge_part(settings: SipSettings) -> Part:
    """Return the stand-in."""
    first, last = settings.rtp_ports
    return Part(
        name="sip-edge",
        command=(
            sys.executable,
            *("-m", "switchboard_local.sip_edge"),
            *("--listen-ip", settings.host, "--port", str(settings.port)),
            *("--rtp-ports", f"{first}-{last}", "--max-calls", str(MAX_CALLS)),
            *(("--drop-unrouted",) if settings.drop_unrouted else ()),
        ),
        probe=SipReady(settings.host, settings.port),
        environment={
            "SWITCHBOARD_LIVEKIT_API_URL": settings.livekit_http_url,
            "SWITCHBOARD_LIVEKIT_URL": settings.livekit_ws_url,
            "SWITCHBOARD_LIVEKIT_API_KEY": settings.keys.key,
            "SWITCHBOARD_LIVEKIT_API_SECRET": settings.keys.secret,
            "SWITCHBOARD_REDIS_URL": f"redis://{settings.redis}",
        },
        after=("livekit",),
    )


def sip_part(settings: SipSettings, *, livekit_sip: Path | None, directory: Path) -> Part:
    """Return the real bridge where there is one, and else the stand-in."""
    if livekit_sip is None:
        return sip_edge_part(settings)
    return livekit_sip_part(settings, program=livekit_sip, directory=directory)


def livekit_sip_config(settings: SipSettings) -> dict[str, Any]:
    """Return the configuration of livekit-sip for a machine without Internet."""
    first, last = settings.rtp_ports
    return {
        "api_key": settings.keys.key,
        "api_secret": settings.keys.secret,
        "ws_url": settings.livekit_ws_url,
        "redis": {"address": settings.redis},
        "sip_port": settings.port,
        "rtp_port": f"{first}-{last}",
        "listen_ip": settings.host,
        "nat_1_to_1_ip": settings.host,
        "use_external_ip": False,
        "sip_ringing_interval": "60s",
        "max_cpu_utilization": 1.0,
        "codecs": {"PCMU": True, "PCMA": True, "G722": True},
        "logging": {"json": True, "level": "info"},
    }


def livekit_sip_part(settings: SipSettings, *, program: Path, directory: Path) -> Part:
    """Return the real bridge."""
    path = directory / "livekit-sip.yaml"
    return Part(
        name="livekit-sip",
        command=(str(program), "--config", str(path)),
        probe=SipReady(settings.host, settings.port),
        files={path: yaml.safe_dump(livekit_sip_config(settings))},
        after=("livekit",),
    )
