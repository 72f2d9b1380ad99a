"""`switchboard pause` and `resume`: keep the operator's hands off one VoiceAgent for a while."""

import click

from switchboard_cli.cluster.client import ClusterClient
from switchboard_cli.cluster.options import Access, cluster_options, get_agent
from switchboard_cli.rollout import annotate
from switchboard_contract import names
from switchboard_operator.kube.objects import annotations_of, name_of, namespace_of


@click.command()
@click.argument("agent")
@cluster_options
def pause(agent: str, access: Access) -> None:
    """Stop the operator from changing anything of AGENT: children and LiveKit objects stay.

    Calls are served as before, its status is still reported. What a suspended tenant or a lost
    number takes away is taken away all the same. To take no calls, set spec.suspend instead.
    """
    click.echo(_set(agent, access, paused=True))


@click.command()
@click.argument("agent")
@cluster_options
def resume(agent: str, access: Access) -> None:
    """Let the operator go on with AGENT: everything is brought in line with the spec."""
    click.echo(_set(agent, access, paused=False))


def _set(agent: str, access: Access, *, paused: bool) -> str:
    async def change(client: ClusterClient, namespace: str) -> str:
        found = await get_agent(client, namespace, agent)
        which = f"{namespace_of(found)}/{name_of(found)}"
        if (annotations_of(found).get(names.PAUSED) == "true") == paused:
            return f"{which}: {'is paused already' if paused else 'is not paused'}"
        await annotate(client, found, names.PAUSED, "true" if paused else None)
        if paused:
            return f"{which}: paused; 'switchboard resume {name_of(found)}' lets the operator go on"
        return f"{which}: the operator goes on"

    return access.run(change)
