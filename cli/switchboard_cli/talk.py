"""`switchboard talk`: call a VoiceAgent from a web page on this machine.

The page joins a room of its own as a phone would: by the VoiceAgent's dispatch rule in LiveKit,
which is read anew for each call, so that rollouts, pins and suspensions count at once.
"""

import asyncio
from functools import partial

import click

from switchboard_api.talk.server import NoTicketError, TalkPage, serve
from switchboard_api.talk.ticket import LiveKitAccess, Ticket, issue
from switchboard_cli.cluster.options import Access, cluster_options
from switchboard_cli.talk_access import Callee, Given, find_callee
from switchboard_operator.errors import OperatorError
from switchboard_operator.sip.api import LiveKitApi
from switchboard_operator.sip.wire import owner_uid


@click.command("talk")
@click.argument("agent")
@cluster_options
@click.option("--port", default=0, help="Port of the page; by default a free one.")
@click.option(
    "--livekit-url", envvar="LIVEKIT_URL", help="LiveKit, as this machine's browser reaches it."
)
@click.option("--livekit-api-key", envvar="LIVEKIT_API_KEY", help="LiveKit API key.")
@click.option("--livekit-api-secret", envvar="LIVEKIT_API_SECRET", help="LiveKit API secret.")
def app(
    agent: str,
    *,
    access: Access,
    port: int,
    livekit_url: str | None,
    livekit_api_key: str | None,
    livekit_api_secret: str | None,
) -> None:
    """Call AGENT from a web page: with your microphone, through LiveKit, as a phone would.

    Serves the page on 127.0.0.1 and prints its address; Ctrl-C ends it, calls in progress go on.
    Where LiveKit is comes from the options, else from the local system that runs; key and secret
    also from the Secret of the agent's workers. They stay here: the page gets a token for one call.
    """
    given = Given(livekit_url, livekit_api_key, livekit_api_secret)
    callee = access.run(partial(find_callee, given, access.target().server, agent))
    if callee.trouble:
        click.echo(f"{callee.key} is not ready: {callee.trouble}", err=True)
    try:
        asyncio.run(_serve(callee, port))
    except NoTicketError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"port {port} cannot be used ({error}): give another") from error
    except KeyboardInterrupt:
        click.echo()


async def _serve(callee: Callee, port: int) -> None:
    livekit = callee.livekit
    async with LiveKitApi(
        livekit.http_url, livekit.api_key, livekit.api_secret, lambda *_: None
    ) as api:
        ask = partial(ticket_for, api, livekit, callee.uid, callee.key)
        await ask()  # better said now than by the page
        async with serve(TalkPage(callee.key, livekit.ws_url, ask), port) as url:
            click.echo(f"Call {callee.key} at {url}  (Ctrl-C ends)")
            await asyncio.Event().wait()


async def ticket_for(api: LiveKitApi, livekit: LiveKitAccess, uid: str, key: str) -> Ticket:
    """Return a ticket by the dispatch rule of a VoiceAgent. Raises `NoTicketError`."""
    try:
        rules = await api.list_rules()
    except OperatorError as error:
        raise NoTicketError(str(error)) from error
    rule = next((rule for rule in rules if owner_uid(rule.metadata) == uid), None)
    if rule is None:
        raise NoTicketError(
            f"{key} takes no calls through LiveKit, which has no dispatch rule of it: "
            f"`switchboard status {key}` says why"
        )
    return issue(livekit, rule.rule.dispatch_rule_individual.room_prefix, rule.room_config)
