"""Finds the system to call: the local one that runs, or addresses given by hand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from switchboard_cli.worker_pages import worker_pages
from switchboard_loadtest.errors import LoadTestError
from switchboard_local.settings import LocalSettings
from switchboard_local.state import SystemState, read_state

UNKNOWN_SIP = "unknown"


@dataclass(frozen=True, slots=True)
class System:
    """What a load test needs to know of a system."""

    sip_host: str
    sip_port: int
    redis_url: str | None
    """Redis of the call events; None judges calls by SIP and sound alone."""
    sip_kind: str = UNKNOWN_SIP
    """`edge` for the stand-in, `livekit-sip`, or unknown where only an address was given."""
    system_pid: int | None = None
    """Process that the local system's others descend from; None for a system elsewhere."""
    worker_pages: Callable[[], tuple[str, ...]] = field(default=tuple, compare=False)
    """Asks where the workers that are ready now tell their metrics."""


def find_system(target: str | None, redis_url: str | None) -> System:
    """Addresses given by hand win over the local system's."""
    if target is not None:
        host, _, port = target.rpartition(":")
        if not host or not port.isdigit():
            raise LoadTestError(f"{target} is not host:port", "write it like 127.0.0.1:5060")
        return System(host, int(port), redis_url)
    settings = LocalSettings.from_environment()
    state = read_state(settings.state_file)
    if state is None:
        raise LoadTestError(
            "no local system runs", "start one with `switchboard local up`, or give --target"
        )
    return system_of(settings, state, redis_url)


def system_of(settings: LocalSettings, state: SystemState, redis_url: str | None = None) -> System:
    """What a load test needs to know of a local system that runs."""
    return System(
        sip_host=state.sip_host,
        sip_port=state.sip_port,
        redis_url=redis_url or state.redis_url,
        sip_kind=state.sip_kind,
        system_pid=state.init_pid or state.keeper_pid,
        worker_pages=partial(worker_pages, settings, state),
    )


def speech_cache() -> Path:
    """Where synthesised callers are kept, shared by all checkouts of this user."""
    return LocalSettings.from_environment().cache / "speech"
