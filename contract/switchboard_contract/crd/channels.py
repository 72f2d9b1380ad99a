"""Channels of an agent: the ways on which callers reach it."""

from typing import Self

from pydantic import Field, model_validator

from switchboard_contract.crd.meta import Model, ObjectKeyRef


class SipChannel(Model):
    """Phone calls through LiveKit's SIP bridge."""

    enabled: bool = Field(
        default=True,
        description="Whether the numbers get a trunk and a dispatch rule in LiveKit.",
    )


class TwilioChannel(Model):
    """Phone calls through Twilio Media Streams, from Twilio to the worker pods over HTTPS."""

    public_url: str = Field(
        pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~-]+)*$",
        max_length=256,
        description=(
            "https:// address that leads to the Service <name>-twilio, through an Ingress say, "
            "without a slash at its end. Twilio's webhook is this and /twilio/voice; signatures "
            "are checked against it, so it must be what Twilio calls."
        ),
    )
    account_sid: str = Field(
        pattern=r"^AC[0-9a-fA-F]{32}$", description="SID of the Twilio account."
    )
    auth_token_ref: ObjectKeyRef = Field(
        description="Secret key that holds the account's auth token."
    )
    api_url: str = Field(
        default="https://api.twilio.com",
        pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?$",
        max_length=256,
        description="Root of Twilio's REST API; another one for a region of its own.",
    )


class Channels(Model):
    """Which channels an agent has."""

    sip: SipChannel = Field(default_factory=SipChannel)
    twilio: TwilioChannel | None = Field(
        default=None, description="Calls that Twilio brings; left out, there are none."
    )

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if not self.sip.enabled and self.twilio is None:
            raise ValueError("twilio must be set when sip.enabled is false")
        return self
