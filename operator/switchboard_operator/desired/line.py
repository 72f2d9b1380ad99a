"""The line: what workers need to take calls that Twilio brings straight to them.

A dispatch rule in LiveKit says which revision serves a call; these calls do not pass LiveKit, so
the workers read it here. It changes in place whenever another revision shall serve.
"""

from collections.abc import Sequence

from switchboard_contract import names
from switchboard_contract.agent_config import DispatchMetadata, VariantShare
from switchboard_contract.crd.tenant import SuspendPolicy
from switchboard_contract.crd.voice_agent import VoiceAgentSpec
from switchboard_contract.line import WEBHOOK_PATH, Line, TwilioLine
from switchboard_operator.desired import meta
from switchboard_operator.desired.inputs import AgentInputs
from switchboard_operator.desired.names import line_name
from switchboard_operator.kube.kinds import CONFIG_MAP, Kind
from switchboard_operator.kube.objects import Object


def webhook(spec: VoiceAgentSpec) -> str:
    """Return where Twilio shall ask about calls; empty if it brings none."""
    return f"{spec.channels.twilio.public_url}{WEBHOOK_PATH}" if spec.channels.twilio else ""


def build(
    inputs: AgentInputs, revision: str, variants: Sequence[VariantShare] = ()
) -> tuple[tuple[Kind, Object], ...]:
    """Return the ConfigMap of the line; nothing for an agent without such calls."""
    twilio = inputs.spec.channels.twilio
    if twilio is None:
        return ()
    suspended = inputs.spec.suspend or inputs.tenant.suspend
    dispatch = DispatchMetadata(agent=inputs.key, revision=revision, variants=list(variants))
    token = twilio.auth_token_ref
    line = Line(
        agent=inputs.key,
        numbers=tuple(sorted(inputs.spec.numbers)),
        dispatch=None if suspended else dispatch,
        cut=inputs.tenant.suspend and inputs.tenant.suspend_policy is SuspendPolicy.CUT,
        twilio=TwilioLine(
            account_sid=twilio.account_sid,
            auth_token_file=f"{names.SECRETS_DIRECTORY}/{token.name}/{token.key}",
            public_url=twilio.public_url,
            api_url=twilio.api_url,
        ),
    )
    body = {"data": {names.LINE_KEY: line.to_json()}}
    return ((CONFIG_MAP, meta.child(CONFIG_MAP, inputs.owned, line_name(inputs.name), body)),)
