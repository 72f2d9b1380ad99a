"""A VoiceAgent's line: what a worker needs to take calls that do not come through LiveKit.

A LiveKit call brings its dispatch along, written into the dispatch rule. A call that a carrier
brings to the worker itself, over HTTP, brings only the number: the line says which revision serves
it. It is a ConfigMap that changes in place, unlike revisions, which never do.
"""

from pydantic import ConfigDict, Field

from switchboard_contract.agent_config import DispatchMetadata
from switchboard_contract.crd.meta import Model

WEBHOOK_PATH = "/twilio/voice"
"""Below the public URL: where Twilio asks what to do with a call."""


class TwilioLine(Model):
    """How Twilio reaches the agent, and how the worker knows that it is Twilio."""

    model_config = ConfigDict(extra="ignore")

    account_sid: str
    auth_token_file: str
    """File in the worker's pod that holds the account's auth token."""
    public_url: str
    """https:// address under which Twilio sees the worker, without a slash at its end."""
    api_url: str
    """Root of Twilio's REST API."""


class Line(Model):
    """One VoiceAgent's line. Fields of a newer version are ignored: workers outlive operators."""

    model_config = ConfigDict(extra="ignore")

    agent: str
    """`namespace/name` of the VoiceAgent."""
    numbers: tuple[str, ...] = Field(min_length=1)
    dispatch: DispatchMetadata | None = None
    """What serves new calls; None takes none."""
    cut: bool = False
    """Live calls are ended: the Tenant is suspended so."""
    twilio: TwilioLine

    def to_json(self) -> str:
        """Canonical JSON: the same line always gives the same bytes."""
        return self.model_dump_json(by_alias=True, exclude_defaults=True)
