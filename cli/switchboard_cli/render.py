"""`switchboard render`: everything the operator would make of some files, without a cluster."""

import asyncio
from pathlib import Path

import click

from switchboard_cli.rendering.manifests import ManifestError, Manifests, read
from switchboard_cli.rendering.plans import Rendered, rendered
from switchboard_cli.rendering.platform import platform
from switchboard_cli.rendering.text import to_yaml
from switchboard_operator.errors import SettingsError
from switchboard_operator.kube.kinds import VOICE_AGENT, Kind
from switchboard_operator.settings import Settings


@click.command("render")
@click.option(
    "-f",
    "--filename",
    "files",
    multiple=True,
    required=True,
    type=click.Path(exists=True, allow_dash=True, path_type=Path),
    help="File or folder with VoiceAgents and their Tenants, Namespaces, ConfigMaps and Secrets; "
    "- is standard input. May be given more than once.",
)
@click.option(
    "-n", "--namespace", default="default", show_default=True, help="Of objects that name none."
)
@click.option(
    "--settings",
    "values",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Values of the chart switchboard; what they leave out is as in the chart.",
)
@click.option(
    "--operator-namespace",
    default="switchboard-system",
    show_default=True,
    help="Where the operator runs, and with it shared worker pools and model servers.",
)
@click.option(
    "--release", default="switchboard", show_default=True, help="Name of the Helm release."
)
@click.option(
    "--api",
    "apis",
    multiple=True,
    metavar="GROUP",
    help="API group that the cluster has beside Kubernetes' own, such as monitoring.coreos.com.",
)
@click.option(
    "--livekit",
    is_flag=True,
    help="Also print trunks and dispatch rules, as documents of kind LiveKit...",
)
def app(
    *,
    files: tuple[Path, ...],
    namespace: str,
    values: Path | None,
    operator_namespace: str,
    release: str,
    apis: tuple[str, ...],
    livekit: bool,
) -> None:
    """Print all objects that the operator makes of the VoiceAgents and Tenants in FILES.

    The files are judged as by the operator: what it would refuse is said on standard error in the
    same words, and the exit code is 1. Owner UIDs are placeholders.
    """
    settings = _settings(values, release, operator_namespace)
    manifests = _manifests(files, namespace)
    if manifests.ignored:
        click.echo(f"not looked at: {', '.join(manifests.ignored)}", err=True)
    found = _plan(manifests, settings, frozenset(apis))
    click.echo(to_yaml(found, livekit=livekit), nl=False)
    for refusal in found.refusals:
        click.echo(f"refused: {refusal}", err=True)
    if found.refusals:
        raise SystemExit(1)


def _settings(values: Path | None, release: str, namespace: str) -> Settings:
    try:
        return platform(values, release=release, namespace=namespace)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _manifests(files: tuple[Path, ...], namespace: str) -> Manifests:
    try:
        found = read(files, namespace)
    except ManifestError as error:
        raise click.ClickException(str(error)) from error
    if not found.of(VOICE_AGENT):
        raise click.ClickException("there is no VoiceAgent in the files")
    return found


def _plan(manifests: Manifests, settings: Settings, apis: frozenset[str]) -> Rendered:
    def served(kind: Kind) -> bool:
        return kind.group in apis

    return asyncio.run(rendered(manifests, settings, served))
