"""`switchboard rollout`: the revisions of a VoiceAgent, and going back to one of them.

A revision is what calls are served by: the spec, compiled, named by its content, never changed. An
undo changes nothing of the spec (Git, or whoever applied it, would change it back); it pins a kept
revision by an annotation, until `rollout resume`.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import click

from switchboard_cli.cluster.ages import age
from switchboard_cli.cluster.client import ClusterClient
from switchboard_cli.cluster.options import Access, cluster_options, get_agent
from switchboard_cli.cluster.table import table
from switchboard_cli.rollout_history import (
    HistoryEntry,
    Revision,
    RevisionError,
    diff,
    find,
    history,
    previous,
    revisions_of,
    summary,
)
from switchboard_contract import names
from switchboard_operator.kube.kinds import CONFIG_MAP, VOICE_AGENT
from switchboard_operator.kube.objects import Object, annotations_of, name_of, namespace_of

_LOOK_SECONDS = 0.25


@click.group()
def app() -> None:
    """See the revisions of a VoiceAgent, compare them, go back to one."""


@app.command("history")
@click.argument("agent")
@cluster_options
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    help="For programs: json.",
)
def show_history(agent: str, access: Access, *, output: str) -> None:
    """List the kept revisions of AGENT, what changed with each, and which one serves."""

    async def read(client: ClusterClient, namespace: str) -> list[HistoryEntry]:
        return history(*await _read(client, namespace, agent))

    entries = access.run(read)
    if output == "json":
        click.echo(json.dumps({"revisions": [asdict(entry) for entry in entries]}, indent=2))
        return
    now = datetime.now(UTC)
    header = ["REVISION", "AGE", "STATE", "VARIANT", "CHANGED"]
    click.echo(table(header, [_row(entry, now) for entry in entries]))


@app.command("diff")
@click.argument("agent")
@click.argument("old", required=False)
@click.argument("new", required=False)
@cluster_options
def show_diff(agent: str, old: str | None, new: str | None, access: Access) -> None:
    """Compare two revisions of AGENT, field by field.

    Without NEW: the one that serves; without OLD: the one before it. The exit code is 0 whether
    they differ or not.
    """

    async def compare(client: ClusterClient, namespace: str) -> str:
        found, revisions = await _read(client, namespace, agent)
        second = _find(revisions, new or _serving(found))
        first = _find(revisions, old) if old else _previous(revisions, second.name)
        return diff(first, second) or f"revisions {first.name} and {second.name} are the same"

    click.echo(access.run(compare))


@app.command()
@click.argument("agent")
@click.option("--to", "wanted", metavar="REVISION", help="Revision of the history to go back to.")
@click.option("--wait", default=30.0, show_default=True, help="Seconds to wait until it serves.")
@cluster_options
def undo(agent: str, wanted: str | None, wait: float, access: Access) -> None:
    """Let a kept revision of AGENT serve new calls; without --to, the one before.

    It is pinned: changes of the spec are compiled, and serve after `switchboard rollout resume`.
    Calls in progress go on as they began. Exit code 1 if it does not serve in time.
    """

    async def pin(client: ClusterClient, namespace: str) -> str:
        found, revisions = await _read(client, namespace, agent)
        serving = _serving(found)
        chosen = _find(revisions, wanted) if wanted else _previous(revisions, serving)
        if chosen.variant:
            raise click.ClickException(
                f"revision {chosen.name} is that of variant {chosen.variant}, which serves a "
                "share of the calls; change spec.variants instead"
            )
        await annotate(client, found, names.PINNED_REVISION, chosen.name)
        await _until_serving(client, found, chosen.name, wait)
        return (
            f"{namespace_of(found)}/{name_of(found)}: new calls are served by revision "
            f"{chosen.name} (was {serving or 'none'}); 'switchboard rollout resume "
            f"{name_of(found)}' goes back to the spec"
        )

    click.echo(access.run(pin))


@app.command()
@click.argument("agent")
@cluster_options
def resume(agent: str, access: Access) -> None:
    """Take the pin off AGENT: new calls are served by what the spec compiles to."""

    async def unpin(client: ClusterClient, namespace: str) -> str:
        found = await get_agent(client, namespace, agent)
        if names.PINNED_REVISION not in annotations_of(found):
            return f"{namespace_of(found)}/{name_of(found)}: no revision is pinned"
        await annotate(client, found, names.PINNED_REVISION, None)
        return f"{namespace_of(found)}/{name_of(found)}: new calls are served by the spec again"

    click.echo(access.run(unpin))


async def annotate(client: ClusterClient, agent: Object, name: str, value: str | None) -> None:
    """Set an annotation of a VoiceAgent; None takes it off."""
    patch = {"metadata": {"annotations": {name: value}}}
    await client.patch(VOICE_AGENT, namespace_of(agent), name_of(agent), patch)


async def _read(client: ClusterClient, namespace: str, name: str) -> tuple[Object, list[Revision]]:
    agent = await get_agent(client, namespace, name)
    selector = f"{names.LABEL_AGENT}={name_of(agent)},{names.LABEL_REVISION}"
    found = await client.list_in(CONFIG_MAP, namespace_of(agent), labelSelector=selector)
    return agent, revisions_of(agent, found)


def _find(revisions: Sequence[Revision], name: str) -> Revision:
    try:
        return find(revisions, name)
    except RevisionError as error:
        raise click.ClickException(str(error)) from error


def _previous(revisions: Sequence[Revision], serving: str) -> Revision:
    try:
        return previous(revisions, serving)
    except RevisionError as error:
        raise click.ClickException(str(error)) from error


def _serving(agent: Object) -> str:
    serving = (agent.get("status") or {}).get("revision", "")
    if not serving:
        raise click.ClickException(
            f"no revision of {namespace_of(agent)}/{name_of(agent)} serves yet: see "
            f"'switchboard status {name_of(agent)}'"
        )
    return str(serving)


async def _until_serving(
    client: ClusterClient, agent: Object, revision: str, seconds: float
) -> None:
    namespace, name = namespace_of(agent), name_of(agent)
    try:
        async with asyncio.timeout(seconds):
            while True:
                seen = await client.get(VOICE_AGENT, namespace, name)
                if (seen.get("status") or {}).get("pinnedRevision") == revision:
                    return
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError as error:
        raise click.ClickException(
            f"revision {revision} is pinned, but does not serve after {seconds:g} s: is the "
            f"operator there, is the spec accepted? See 'switchboard status {name}'"
        ) from error


def _row(entry: HistoryEntry, now: datetime) -> list[str]:
    marks = [
        "serves" if entry.serves else "",
        "pinned" if entry.pinned else "",
        "spec" if entry.of_spec and not entry.serves else "",
    ]
    state = ",".join(mark for mark in marks if mark)
    return [entry.revision, age(entry.created, now), state, entry.variant, summary(entry.changes)]
