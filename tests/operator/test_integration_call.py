"""`switchboard call` against a real API server: what it reads there, what it does not place."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from click.testing import CliRunner, Result

from switchboard_cli import call
from switchboard_operator.kube.kinds import NAMESPACE, SECRET, VOICE_AGENT
from switchboard_operator.kube.objects import Object
from tests.operator.samples import TWILIO, agent, namespace
from tests.operator.system import System
from tests.support.twilio_server import TwilioStandIn

pytestmark = [pytest.mark.integration, pytest.mark.asyncio(loop_scope="session")]

TO = "+4930123456"


@pytest_asyncio.fixture(loop_scope="session")
async def twilio() -> AsyncIterator[TwilioStandIn]:
    async with TwilioStandIn(str(TWILIO["publicUrl"])).serve() as served:
        yield served


async def _call(system: System, where: str, *args: str, to: str = TO) -> Result:
    flags = ["reception", "--to", to, *args, "-n", where]
    config = ["--kubeconfig", str(system.plane.kubeconfig_path)]
    return await asyncio.to_thread(CliRunner().invoke, call.app, [*flags, *config])


async def _agent(system: System, where: str, twilio: TwilioStandIn, **changes: object) -> None:
    await system.put(NAMESPACE, namespace(where, "nobody"))
    channels = {"twilio": TWILIO | {"apiUrl": twilio.api_url}}
    spec = {"numbers": ["+15550300", "+15550301"], "channels": channels} | changes
    await system.put(VOICE_AGENT, agent("reception", where, **spec))


async def _secret(system: System, where: str, token: str) -> None:
    secret: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "twilio", "namespace": where},
        "stringData": {"authToken": token},
    }
    await system.put(SECRET, secret)


async def test_the_number_is_called_with_what_the_resource_says(
    bare_system: System, twilio: TwilioStandIn
) -> None:
    await _agent(bare_system, "calls", twilio)
    missing = await _call(bare_system, "calls")
    assert (missing.exit_code, "Secret twilio has no readable key authToken" in missing.output) == (
        1,
        True,
    )
    await _secret(bare_system, "calls", twilio.auth_token)
    twilio.unanswered[TO] = "busy"
    busy = await _call(bare_system, "calls", "--from", "+15550301", "--ring-seconds", "9")
    assert busy.exit_code == 1
    assert f"{TO} is busy" in busy.output
    (form,) = twilio.placed
    assert form == {
        "To": TO,
        "From": "+15550301",
        "Url": f"{TWILIO['publicUrl']}/twilio/voice",
        "Method": "POST",
        "Timeout": "9",
    }
    twilio.unanswered.clear()
    answered = await _call(bare_system, "calls")
    assert answered.exit_code == 0, answered.output
    assert twilio.placed[-1]["From"] == "+15550300"
    assert twilio.auth_token not in answered.output + busy.output


async def test_a_wrong_token_is_told_with_the_remedy(
    bare_system: System, twilio: TwilioStandIn
) -> None:
    await _agent(bare_system, "calls-token", twilio)
    await _secret(bare_system, "calls-token", "another")
    refused = await _call(bare_system, "calls-token")
    assert refused.exit_code == 1
    assert "the auth token or spec.channels.twilio.accountSid is not right" in refused.output
    assert "another" not in refused.output


async def test_what_cannot_be_called_is_refused_before_twilio_is_asked(
    bare_system: System, twilio: TwilioStandIn
) -> None:
    await _agent(bare_system, "calls-no", twilio, suspend=True)
    await _secret(bare_system, "calls-no", twilio.auth_token)
    suspended = await _call(bare_system, "calls-no")
    assert (suspended.exit_code, "is suspended" in suspended.output) == (1, True)
    national = await _call(bare_system, "calls-no", to="030123456")
    assert (national.exit_code, "E.164" in national.output) == (2, True)
    await bare_system.kube.patch(VOICE_AGENT, "calls-no", "reception", {"spec": {"suspend": False}})
    foreign = await _call(bare_system, "calls-no", "--from", "+15559999")
    assert foreign.exit_code == 1
    assert "--from takes +15550300, +15550301" in foreign.output
    await _agent(bare_system, "calls-sip", twilio, channels={"sip": {"enabled": True}})
    no_channel = await _call(bare_system, "calls-sip")
    assert (no_channel.exit_code, "has no spec.channels.twilio" in no_channel.output) == (1, True)
    assert twilio.placed == []


async def test_countries_of_the_tenant_are_asked_before_it_rings(
    system: System, twilio: TwilioStandIn
) -> None:
    await system.tenant_with_namespace("calls-land", quotas={"countries": ["US"]})
    await _secret(system, "calls-land", twilio.auth_token)
    channels = {"twilio": TWILIO | {"apiUrl": twilio.api_url}}
    await system.serve("calls-land", "+15551290", channels=channels)
    refused = await _call(system, "calls-land")
    assert refused.exit_code == 1
    assert f"{TO} is of no country that the tenant may call: US" in refused.output
    assert twilio.placed == []
