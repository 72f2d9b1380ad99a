"""`switchboard status`: how the VoiceAgents are, and what to do about those that are not well."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime

import click

from switchboard_cli import status_view
from switchboard_cli.cluster.client import EVENT, ClusterClient
from switchboard_cli.cluster.options import Access, cluster_options, get_agent
from switchboard_operator.errors import KubeApiError
from switchboard_operator.kube.kinds import TENANT, VOICE_AGENT
from switchboard_operator.kube.objects import Object, name_of, namespace_of, uid_of

_CLEAR = "\x1b[H\x1b[2J"
_FORBIDDEN = 403
_NOT_FOUND = 404

Show = Callable[[ClusterClient, str], Awaitable[str]]


@click.command("status")
@click.argument("agent", required=False)
@cluster_options
@click.option("-A", "--all-namespaces", is_flag=True, help="VoiceAgents of every namespace.")
@click.option("-w", "--watch", is_flag=True, help="Look again until Ctrl-C.")
@click.option(
    "--interval", default=2.0, show_default=True, help="Seconds between looks with --watch."
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="For programs: json.",
)
def app(
    agent: str | None,
    access: Access,
    *,
    all_namespaces: bool,
    watch: bool,
    interval: float,
    output: str,
) -> None:
    """Show how VoiceAgents are: all of a namespace as a table, or AGENT in full.

    The exit code is 0 when they could be shown, ready or not; `kubectl wait
    --for=condition=Ready va/NAME` waits for one.
    """
    as_json = output == "json"

    async def show(client: ClusterClient, namespace: str) -> str:
        if agent is not None:
            return await _one(client, namespace, agent, as_json=as_json)
        return await _many(client, "" if all_namespaces else namespace, as_json=as_json)

    if watch:
        _watch(access, show, interval)
    else:
        click.echo(access.run(show))


async def _one(client: ClusterClient, namespace: str, name: str, *, as_json: bool) -> str:
    agent = await get_agent(client, namespace, name)
    view = status_view.view(agent)
    view = replace(view, tenant_display_name=await _display_name(client, view.tenant))
    if as_json:
        return _json(asdict(view))
    return status_view.detail(view, await events_of(client, agent), datetime.now(UTC))


async def _many(client: ClusterClient, namespace: str, *, as_json: bool) -> str:
    found = await client.list_in(VOICE_AGENT, namespace)
    views = [status_view.view(agent) for agent in found]
    if as_json:
        return _json({"voiceAgents": [asdict(view) for view in views]})
    if not views:
        where = f"namespace {namespace}" if namespace else "the cluster"
        return f"no VoiceAgent in {where}" + ("; -A looks everywhere" if namespace else "")
    return status_view.overview(views, datetime.now(UTC), namespaces=not namespace)


async def _display_name(client: ClusterClient, tenant: str) -> str:
    """Return the name of a Tenant for people; Tenants are for administrators to read."""
    if not tenant:
        return ""
    try:
        found = await client.get(TENANT, "", tenant)
    except KubeApiError as error:
        if error.status in {_FORBIDDEN, _NOT_FOUND}:
            return ""
        raise
    return str((found.get("spec") or {}).get("displayName", ""))


async def events_of(client: ClusterClient, obj: Object) -> list[Object]:
    """Return the Events about an object; none where reading them is not allowed."""
    selector = f"involvedObject.uid={uid_of(obj)},involvedObject.name={name_of(obj)}"
    try:
        return await client.list_in(EVENT, namespace_of(obj), fieldSelector=selector)
    except KubeApiError as error:
        if error.status == _FORBIDDEN:
            return []
        raise


def _watch(access: Access, show: Show, interval: float) -> None:
    """Print whenever it looks different; on a terminal in place of what was there."""

    async def look_again(client: ClusterClient, namespace: str) -> None:
        shown = ""
        while True:
            text = await show(client, namespace)
            if text != shown:
                click.echo((_CLEAR if sys.stdout.isatty() else "") + text)
                shown = text
            await asyncio.sleep(interval)

    try:
        access.run(look_again)
    except KeyboardInterrupt:
        click.echo()


def _json(value: object) -> str:
    return json.dumps(value, indent=2)
