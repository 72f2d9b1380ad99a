"""What `switchboard local status` says: addresses, and whether each server answers now."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from switchboard_local.part import Probe
from switchboard_local.probes import HttpReady, NodeReady, RedisReady, SipReady
from switchboard_local.state import SystemState


def describe(state: SystemState) -> list[str]:
    """Return the lines to show for a running system."""
    where = f"bundle {state.network}, nodes {', '.join(state.nodes)}" if state.network else "here"
    return [
        f"running as {state.mode} ({where}), keeper {state.keeper_pid}",
        f"  Kubernetes  {state.kube_url}",
        f"  kubeconfig  {state.kubeconfig}",
        f"  LiveKit     {state.livekit_http_url}",
        f"  Redis       {state.redis_url}",
        f"  SIP         {state.sip_host}:{state.sip_port}/udp ({state.sip_kind})",
        f"  logs        {state.logs}",
    ]


async def ask_all(state: SystemState) -> dict[str, str | None]:
    """Ask every server anew; None is a server that is ready, text is what it lacks."""
    probes = _probes(state)
    answers = await asyncio.gather(*(probe.why_not_ready() for probe in probes.values()))
    return dict(zip(probes, answers, strict=True))


def _probes(state: SystemState) -> dict[str, Probe]:
    ca, token = Path(state.kube_ca_file), Path(state.kube_token_file).read_text()
    redis = urlsplit(state.redis_url)
    nodes = {name: NodeReady(state.kube_url, ca, token, name) for name in state.nodes}
    return {
        "Kubernetes": HttpReady(f"{state.kube_url}/readyz", ca_file=ca, bearer=token),
        **nodes,
        "LiveKit": HttpReady(state.livekit_http_url),
        "Redis": RedisReady(redis.hostname or "", redis.port or 0),
        "SIP": SipReady(state.sip_host, state.sip_port),
    }
