"""Whom `switchboard talk` calls, and how it gets to LiveKit."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field

import click

from switchboard_api.talk.ticket import LiveKitAccess
from switchboard_cli import status_view
from switchboard_cli.cluster.client import ClusterClient
from switchboard_cli.cluster.options import get_agent
from switchboard_local.settings import LocalSettings
from switchboard_local.state import SystemState, read_state
from switchboard_operator.desired.names import worker_name
from switchboard_operator.desired.secret import LIVEKIT_API_KEY, LIVEKIT_API_SECRET
from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.kinds import SECRET
from switchboard_operator.kube.objects import name_of, namespace_of, uid_of


@dataclass(frozen=True, slots=True)
class Given:
    """What the options say of LiveKit."""

    url: str | None = None
    api_key: str | None = None
    api_secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Callee:
    """A VoiceAgent that can be called."""

    key: str
    uid: str
    trouble: str
    """Why it is not ready; empty if it is."""
    livekit: LiveKitAccess


async def find_callee(
    given: Given, server: str, name: str, client: ClusterClient, namespace: str
) -> Callee:
    """Return the VoiceAgent; `server` is the API server of the client."""
    agent = await get_agent(client, namespace, name)
    view = status_view.view(agent)
    where = namespace_of(agent)
    secret: Mapping[str, str] = {}
    local = _local_system(server)
    if local is None and not (given.api_key and given.api_secret):
        secret = await _worker_secret(client, where, name_of(agent))
    return Callee(
        key=f"{where}/{name_of(agent)}",
        uid=uid_of(agent),
        trouble="" if view.ready == "True" else f"{view.reason}: {view.message}",
        livekit=livekit_access(given, local, secret),
    )


def livekit_access(
    given: Given, local: SystemState | None, secret: Mapping[str, str]
) -> LiveKitAccess:
    """Options win over the local system, that over the workers' Secret."""
    url = given.url or (local.livekit_http_url if local else "")
    key = given.api_key or (local.livekit_api_key if local else secret.get(LIVEKIT_API_KEY, ""))
    api_secret = given.api_secret or (
        local.livekit_api_secret if local else secret.get(LIVEKIT_API_SECRET, "")
    )
    wanted = {
        "--livekit-url (LIVEKIT_URL)": url,
        "--livekit-api-key (LIVEKIT_API_KEY)": key,
        "--livekit-api-secret (LIVEKIT_API_SECRET)": api_secret,
    }
    missing = [option for option, value in wanted.items() if not value]
    if missing:
        raise click.UsageError(f"LiveKit is not known: give {', '.join(missing)}")
    return LiveKitAccess(url, key, api_secret)


def _local_system(server: str) -> SystemState | None:
    """Return the local system, if it is the cluster that is talked to."""
    state = read_state(LocalSettings.from_environment().state_file)
    return state if state is not None and state.kube_url == server else None


async def _worker_secret(client: ClusterClient, namespace: str, agent: str) -> dict[str, str]:
    """Return the Secret of the agent's workers; empty where it may not be read or is not there."""
    try:
        secret = await client.get(SECRET, namespace, worker_name(agent))
    except KubeApiError:
        return {}
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
