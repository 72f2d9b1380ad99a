"""The flags that choose a cluster, and the one way from a command into it."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from switchboard_cli.cluster.client import ClusterClient
from switchboard_cli.cluster.kubeconfig import AccessError, Target, find_target
from switchboard_operator.errors import KubeApiError, NotFoundError, OperatorError
from switchboard_operator.kube.kinds import VOICE_AGENT
from switchboard_operator.kube.objects import Object

T = TypeVar("T")
_FORBIDDEN = 403
_UNAUTHORIZED = 401
_NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Access:
    """What the flags say."""

    kubeconfig: str | None
    context: str | None
    namespace: str | None

    def target(self) -> Target:
        """Return the cluster. Raises a message for people."""
        try:
            return find_target(self.kubeconfig, self.context)
        except AccessError as error:
            raise click.ClickException(str(error)) from error

    def run(self, work: Callable[[ClusterClient, str], Awaitable[T]]) -> T:
        """Do something in the cluster, given the client and the namespace chosen."""
        target = self.target()

        async def connected() -> T:
            async with ClusterClient(target) as client:
                return await work(client, self.namespace or target.namespace)

        try:
            return asyncio.run(connected())
        except AccessError as error:
            raise click.ClickException(str(error)) from error
        except KubeApiError as error:
            raise click.ClickException(_explained(error, target)) from error
        except OperatorError as error:
            raise click.ClickException(str(error)) from error


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --kubeconfig, --context and --namespace; the command gets `access`."""

    @functools.wraps(command)
    def with_access(
        *args: object,
        kubeconfig: str | None,
        context: str | None,
        namespace: str | None,
        **kwargs: object,
    ) -> object:
        return command(*args, access=Access(kubeconfig, context, namespace), **kwargs)

    options = [
        click.option("--kubeconfig", help="Kubeconfig file instead of KUBECONFIG's.", type=str),
        click.option("--context", help="Context of the kubeconfig.", type=str),
        click.option("-n", "--namespace", help="Namespace instead of the context's.", type=str),
    ]
    decorated: Callable[..., Any] = with_access
    for option in reversed(options):
        decorated = option(decorated)
    return decorated


async def get_agent(client: ClusterClient, namespace: str, name: str) -> Object:
    """Return one VoiceAgent; `namespace/name` is taken too."""
    where, _, bare = name.rpartition("/")
    namespace = where or namespace
    try:
        return await client.get(VOICE_AGENT, namespace, bare)
    except NotFoundError as error:
        raise click.ClickException(
            f"there is no VoiceAgent {bare} in namespace {namespace}; "
            "'switchboard status -A' lists all of them"
        ) from error


def _explained(error: KubeApiError, target: Target) -> str:
    where = f"{target.server} (context {target.context})"
    if error.status == _NO_ANSWER:
        return f"no answer from the API server at {where}: {error}; check --context and network"
    if error.status == _UNAUTHORIZED:
        return f"{where} does not know you: {error}; log in again or choose another --context"
    if error.status == _FORBIDDEN:
        return f"{where} does not allow it: {error}; ask for that permission"
    if isinstance(error, NotFoundError):
        return f"{where}: {error}; is the chart switchboard-crds installed?"
    return f"{where}: {error}"
