"""Settings of the SIP edge: options first, environment second, defaults last."""

import argparse
import ipaddress
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from switchboard_contract.sip_routing import InboundTrunk
from switchboard_local.sip_edge.call_model import Limits
from switchboard_local.sip_edge.outgoing_request import CallRequest

_PORTS_PER_CALL = 2


@dataclass(frozen=True, slots=True)
class EdgeSettings:
    """Everything that one edge process is told."""

    listen_ip: str
    """Address of the SIP and RTP sockets."""
    listen_port: int
    """UDP port of SIP; 0 lets the system choose."""
    advertised_ip: str
    """Address that peers are told to send to."""
    first_rtp_port: int
    last_rtp_port: int
    livekit_url: str
    """HTTP address of the LiveKit API."""
    livekit_ws_url: str
    """WebSocket address that participants join at."""
    livekit_key: str
    livekit_secret: str = field(repr=False)
    redis_url: str = field(default="", repr=False)
    """LiveKit's Redis, over which it asks for calls; empty = no calls are placed."""
    drop_unrouted: bool = False
    """Say nothing to a call that no rule takes, as livekit-sip does."""
    max_calls: int = 100
    """Calls held at once; one more is answered 503."""
    max_joins: int = 4
    """Rooms joined at the same time: a join costs 0.1-0.2 CPU-seconds that live calls miss."""
    ringing_timeout_s: float = 180.0
    max_call_s: float = 86_400.0
    first_media_timeout_s: float = 30.0
    media_timeout_s: float = 15.0
    ring_again_s: float = 60.0
    """livekit-sip repeats 180 each second; SIPp scenarios count on fewer."""
    log_level: int = logging.INFO

    def limits_of_request(self, request: CallRequest, within_s: float) -> Limits:
        """Bound a placed call; whoever waits for the answer waits no longer than `within_s`."""
        ringing_s = request.ringing_s or self.ringing_timeout_s
        return Limits(
            ringing_s=min(ringing_s, within_s) if request.wait else ringing_s,
            duration_s=min(request.duration_s or self.max_call_s, self.max_call_s),
            first_media_s=self.first_media_timeout_s,
            media_s=self.media_timeout_s,
        )

    def limits_of(self, trunk: InboundTrunk | None) -> Limits:
        """Bound a call as its trunk says, or as this edge does where the trunk is silent."""
        ringing_s = trunk.ringing_timeout_s if trunk else 0.0
        duration_s = trunk.max_call_duration_s if trunk else 0.0
        return Limits(
            ringing_s=ringing_s or self.ringing_timeout_s,
            duration_s=min(duration_s or self.max_call_s, self.max_call_s),
            first_media_s=self.first_media_timeout_s,
            media_s=self.media_timeout_s,
            ring_again_s=self.ring_again_s,
        )


class SettingsError(Exception):
    """The edge was started with settings that cannot work."""


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> EdgeSettings:
    """Read the settings; `--help` and faults of the command line end the process."""
    given = _parser(environ).parse_args(argv)
    secret = given.livekit_secret or environ.get("SWITCHBOARD_LIVEKIT_API_SECRET", "")
    if not (given.livekit_url and given.livekit_key and secret):
        raise SettingsError(
            "LiveKit's address, key and secret are needed: --livekit-url, --livekit-key, "
            "--livekit-secret or SWITCHBOARD_LIVEKIT_API_URL, SWITCHBOARD_LIVEKIT_API_KEY, "
            "SWITCHBOARD_LIVEKIT_API_SECRET"
        )
    advertised = given.advertised_ip or given.listen_ip
    if ipaddress.ip_address(advertised).is_unspecified:
        raise SettingsError("--advertised-ip is needed where --listen is the unspecified address")
    first, last = _port_range(given.rtp_ports)
    return EdgeSettings(
        listen_ip=given.listen_ip,
        listen_port=given.port,
        advertised_ip=advertised,
        first_rtp_port=first,
        last_rtp_port=last,
        livekit_url=_with_scheme(given.livekit_url, "http"),
        livekit_ws_url=_with_scheme(given.livekit_ws_url or given.livekit_url, "ws"),
        livekit_key=given.livekit_key,
        livekit_secret=secret,
        redis_url=given.redis_url or environ.get("SWITCHBOARD_REDIS_URL", ""),
        drop_unrouted=given.drop_unrouted,
        max_calls=given.max_calls,
        max_joins=given.max_joins,
        ringing_timeout_s=given.ringing_timeout,
        max_call_s=given.max_call_seconds,
        first_media_timeout_s=given.media_timeout_initial,
        media_timeout_s=given.media_timeout,
        ring_again_s=given.ringing_interval,
        log_level=logging.getLevelNamesMapping()[given.log_level],
    )


def _with_scheme(url: str, kind: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise SettingsError(f"{url!r} is not an address such as http://127.0.0.1:7880")
    secure = "s" if scheme in {"https", "wss"} else ""
    return f"{kind}{secure}://{rest}"


def _port_range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    try:
        low, high = int(first), int(last)
    except ValueError as error:
        raise SettingsError(f"RTP ports {text!r} are not of the form 10000-20000") from error
    if not 1024 <= low < high <= 65_535:  # noqa: PLR2004 - ports a user may bind
        raise SettingsError(f"RTP ports {text!r} are not within 1024-65535")
    return low + low % _PORTS_PER_CALL, high


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m switchboard_local.sip_edge",
        description="SIP edge stand-in: phone calls over SIP and RTP, to and from LiveKit rooms.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--listen-ip", default="127.0.0.1", help="address of the SIP and RTP sockets")
    add("--port", type=int, default=5060, help="UDP port of SIP; 0 lets the system choose")
    add("--advertised-ip", default="", help="address told to peers; the listen address if empty")
    add("--rtp-ports", default="10000-20000", help="UDP ports for RTP, one even port a call")
    _add_livekit(parser, environ)
    add("--drop-unrouted", action="store_true", help="stay silent where no rule fits")
    add("--max-calls", type=int, default=100, help="calls at once; more are answered 503")
    add("--max-joins", type=int, default=4, help="rooms joined at the same time")
    add("--ringing-timeout", type=float, default=180.0, help="seconds, where the trunk sets none")
    add("--ringing-interval", type=float, default=60.0, help="seconds between two 180")
    add("--max-call-seconds", type=float, default=86_400.0, help="where the trunk sets none")
    add("--media-timeout", type=float, default=15.0, help="seconds without RTP that end a call")
    add("--media-timeout-initial", type=float, default=30.0, help="the same before the first")
    add("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    return parser


def _add_livekit(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    add = parser.add_argument
    add(
        "--livekit-url",
        default=environ.get("SWITCHBOARD_LIVEKIT_API_URL", ""),
        help="http or ws address of LiveKit (SWITCHBOARD_LIVEKIT_API_URL)",
    )
    add(
        "--livekit-ws-url",
        default=environ.get("SWITCHBOARD_LIVEKIT_URL", ""),
        help="where participants join, if elsewhere (SWITCHBOARD_LIVEKIT_URL)",
    )
    add(
        "--livekit-key",
        default=environ.get("SWITCHBOARD_LIVEKIT_API_KEY", ""),
        help="API key (SWITCHBOARD_LIVEKIT_API_KEY)",
    )
    # No defaults from the environment here: --help would print the secrets.
    add("--redis-url", default="", help="LiveKit's Redis, to place calls (SWITCHBOARD_REDIS_URL)")
    add("--livekit-secret", default="", help="API secret (SWITCHBOARD_LIVEKIT_API_SECRET)")
