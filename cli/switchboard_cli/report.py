"""`switchboard report`: a support bundle without secrets and without callers."""

import asyncio
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from switchboard_cli.bundle import archive
from switchboard_cli.bundle.collect import Collected, Collector
from switchboard_cli.bundle.files import files
from switchboard_cli.bundle.livekit import LiveKitAccess, read_livekit
from switchboard_cli.cluster.client import ClusterClient
from switchboard_cli.cluster.options import Access, cluster_options
from switchboard_operator.errors import OperatorError


@click.command("report")
@cluster_options
@click.option("-A", "--all-namespaces", is_flag=True, help="VoiceAgents of every namespace.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write; by default switchboard-report-<time>.tar.gz.",
)
@click.option(
    "--operator-namespace",
    default="switchboard-system",
    show_default=True,
    help="Where the operator runs.",
)
@click.option("--livekit-url", envvar="LIVEKIT_URL", help="LiveKit's address, to ask it too.")
@click.option("--livekit-api-key", envvar="LIVEKIT_API_KEY", help="LiveKit API key.")
@click.option("--livekit-api-secret", envvar="LIVEKIT_API_SECRET", help="LiveKit API secret.")
def app(
    *,
    access: Access,
    output: Path | None,
    operator_namespace: str,
    livekit_url: str | None,
    livekit_api_key: str | None,
    livekit_api_secret: str | None,
    all_namespaces: bool,
) -> None:
    """Write a support bundle: resources, children, events, operator logs, LiveKit's trunks.

    Values of Secrets, credentials and callers' numbers are taken out; texts of dialogs stay. What
    may not be read is left out and named. Exit code 1 if the cluster cannot be reached at all.
    """

    async def collect(client: ClusterClient, namespace: str) -> Collected:
        return await Collector(client, operator_namespace).collect(
            "" if all_namespaces else namespace
        )

    collected = access.run(collect)
    livekit: dict[str, str] = {}
    if livekit_url and livekit_api_key and livekit_api_secret:
        asked = LiveKitAccess(livekit_url, livekit_api_key, livekit_api_secret)
        livekit = _livekit(collected, asked)
    else:
        collected.missing.append(
            "LiveKit: give --livekit-url, --livekit-api-key and --livekit-api-secret"
        )
    now = datetime.now(UTC)
    folder = f"switchboard-report-{now:%Y%m%d-%H%M%S}"
    path = output or Path(f"{folder}.tar.gz")
    archive.write(path, files(collected, livekit, now), folder=folder, at=time.time())
    click.echo(f"{path}: {len(collected.agents)} VoiceAgents")
    for what in collected.missing:
        click.echo(f"not in it: {what}", err=True)


def _livekit(collected: Collected, access: LiveKitAccess) -> dict[str, str]:
    try:
        return asyncio.run(read_livekit(access))
    except OperatorError as error:
        collected.missing.append(f"LiveKit: {error}")
        return {}
