"""`switchboard call`: a VoiceAgent calls somebody, through its own Twilio account.

The command asks Twilio to ring the number and says what comes of it. The conversation is the
worker's: when somebody picks up, Twilio asks it what to do, as about any call.
"""

import asyncio
import base64
import binascii
from collections.abc import Callable
from typing import Any, Final

import aiohttp
import click
from pydantic import TypeAdapter, ValidationError

from switchboard_agent.caller_country import may_call
from switchboard_agent.transport.twilio.placing import (
    ANSWERED,
    UNANSWERED,
    Account,
    CallNotPlacedError,
    CallStatus,
    Obstacle,
    OutboundCall,
    TwilioDialler,
)
from switchboard_cli.cluster.client import ClusterClient
from switchboard_cli.cluster.options import Access, cluster_options, get_agent
from switchboard_cli.rollout_history import revisions_of
from switchboard_contract import names
from switchboard_contract.crd.channels import TwilioChannel
from switchboard_contract.crd.meta import E164
from switchboard_contract.line import WEBHOOK_PATH
from switchboard_operator.errors import NotFoundError
from switchboard_operator.kube.kinds import CONFIG_MAP, SECRET
from switchboard_operator.kube.objects import Object, name_of, namespace_of

LOOK_SECONDS: Final = 1.0
_LATEST_SECONDS: Final = 60
"""Beyond the ringing: queued at Twilio, and the way to its answer."""

_E164: Final[TypeAdapter[str]] = TypeAdapter(E164)

_OUTCOMES: Final = {
    CallStatus.BUSY: "{to} is busy; call again later",
    CallStatus.NO_ANSWER: "{to} did not pick up; call again later, or with more --ring-seconds",
    CallStatus.FAILED: "{to} could not be reached; check the number",
    CallStatus.CANCELED: "the call to {to} was ended before somebody picked up",
}


def _number(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else _E164.validate_python(value)
    except ValidationError:
        raise click.BadParameter("numbers are in E.164 form, such as +15550100") from None


@click.command()
@click.argument("agent")
@click.option("--to", required=True, callback=_number, help="Number to call, E.164.")
@click.option(
    "--from",
    "caller",
    callback=_number,
    help="Number shown, one of AGENT's; the first of them if left out.",
)
@click.option(
    "--ring-seconds",
    default=30,
    show_default=True,
    type=click.IntRange(5, 600),
    help="How long it rings before that counts as no answer.",
)
@cluster_options
def app(agent: str, to: str, caller: str | None, ring_seconds: int, access: Access) -> None:
    """Let AGENT call somebody through its Twilio account; ends once somebody picked up.

    Needs spec.channels.twilio, and the permission to read the Secret of its auth token. Exit code 1
    if nobody picked up: busy, no answer, not reached, or not placed. Calls cost money and may need
    the consent of the called.
    """

    async def place(client: ClusterClient, namespace: str) -> CallStatus:
        found = await get_agent(client, namespace, agent)
        channel = _channel(found)
        await _check_country(client, found, to)
        call = OutboundCall(
            to=to,
            caller=_caller(found, caller),
            twiml_url=channel.public_url + WEBHOOK_PATH,
            ring_seconds=ring_seconds,
        )
        token = await _token(client, found, channel)
        account = Account(channel.account_sid, token, channel.api_url)
        return await follow(account, call, click.echo)

    try:
        status = access.run(place)
    except CallNotPlacedError as error:
        raise click.ClickException(str(error)) from error
    if status in UNANSWERED:
        raise click.ClickException(_OUTCOMES[status].format(to=to))


async def follow(account: Account, call: OutboundCall, say: Callable[[str], Any]) -> CallStatus:
    """Place a call and wait until somebody has picked up or nobody will."""
    async with aiohttp.ClientSession() as session:
        dialler = TwilioDialler(session, account)
        sid = await dialler.place(call)
        say(f"{sid}: {call.caller} calls {call.to}")
        told = CallStatus.QUEUED
        try:
            async with asyncio.timeout(call.ring_seconds + _LATEST_SECONDS):
                while True:
                    status = await _look(dialler, sid, told)
                    if status is not told:
                        say(f"{sid}: {status}")
                        told = status
                    if status in ANSWERED | UNANSWERED:
                        return status
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise click.ClickException(
                f"{sid} is still {told}: look at it in Twilio's console"
            ) from None


async def _look(dialler: TwilioDialler, sid: str, known: CallStatus) -> CallStatus:
    """How far the call is; it rings on while Twilio's API does not answer for a moment."""
    try:
        return await dialler.status(sid)
    except CallNotPlacedError as error:
        if error.obstacle not in {Obstacle.RATE, Obstacle.UNREACHABLE}:
            raise
        return known


def _channel(agent: Object) -> TwilioChannel:
    which, spec = f"{namespace_of(agent)}/{name_of(agent)}", agent["spec"]
    channel = (spec.get("channels") or {}).get("twilio")
    if channel is None:
        raise click.ClickException(
            f"{which} has no spec.channels.twilio: only through it can it call"
        )
    if spec.get("suspend"):
        raise click.ClickException(f"{which} is suspended: set spec.suspend to false first")
    return TwilioChannel.model_validate(channel)


def _caller(agent: Object, wanted: str | None) -> str:
    numbers: list[str] = agent["spec"]["numbers"]
    if wanted is not None and wanted not in numbers:
        raise click.ClickException(
            f"{wanted} is no number of {name_of(agent)}: --from takes {', '.join(numbers)}"
        )
    return wanted or numbers[0]


async def _check_country(client: ClusterClient, agent: Object, to: str) -> None:
    """The worker checks it too, but only when somebody has picked up."""
    selector = f"{names.LABEL_AGENT}={name_of(agent)},{names.LABEL_REVISION}"
    found = await client.list_in(CONFIG_MAP, namespace_of(agent), labelSelector=selector)
    serving = (agent.get("status") or {}).get("revision")
    for revision in revisions_of(agent, found):
        allowed = revision.config.get("tenantCountries")
        if revision.name == serving and allowed and not await may_call(tuple(allowed), to):
            raise click.ClickException(
                f"{to} is of no country that the tenant may call: {', '.join(allowed)} "
                "(spec.quotas.countries of the Tenant)"
            )


async def _token(client: ClusterClient, agent: Object, channel: TwilioChannel) -> str:
    ref = channel.auth_token_ref
    try:
        secret = await client.get(SECRET, namespace_of(agent), ref.name)
        return base64.b64decode(secret["data"][ref.key], validate=True).decode().strip()
    except (NotFoundError, KeyError, binascii.Error, UnicodeDecodeError):
        raise click.ClickException(
            f"Secret {ref.name} has no readable key {ref.key} "
            "(spec.channels.twilio.authTokenRef): create it"
        ) from None
