"""Handing a caller over to a human."""

from typing import Self

from pydantic import Field, model_validator

from switchboard_contract.crd.meta import DnsLabel, Model

TARGET_PATTERN = r"^(tel:\+[1-9][0-9]{1,14}|sips?:[^\s@<>\"]+@[^\s@<>\"]+)$"


class Transfer(Model):
    """Where callers are put through to, and what they hear if that fails."""

    to: str = Field(
        pattern=TARGET_PATTERN,
        max_length=256,
        description="Who takes over: tel:+15550123, sip:desk@example.com or sips:desk@example.com.",
    )
    failed: str = Field(
        default=(
            "I am sorry, I could not put you through. Is there anything else I can do for you?"
        ),
        min_length=1,
        max_length=600,
        description="Said when nobody takes over; the dialog then goes on.",
    )
    briefing: str | None = Field(
        default=None,
        min_length=1,
        max_length=600,
        description=(
            "Set: the agent calls the human itself, says this to them while the caller hears it "
            "ring, and then connects the two. {agent}, {business} and slot names in braces are "
            "filled in; a sentence that names something not known is left out. Left out: the "
            "caller's carrier is asked to put the caller through (REFER)."
        ),
    )
    carrier: DnsLabel | None = Field(
        default=None,
        description=(
            "With briefing: name of the carrier under the Tenant's spec.sip.egress that calls the "
            "human; the first if left out. It is given the number, or the user of a sip: address."
        ),
    )

    @model_validator(mode="after")
    def _carrier_calls(self) -> Self:
        if self.carrier is not None and self.briefing is None:
            raise ValueError("carrier needs briefing: without it the caller's carrier transfers")
        if self.briefing is not None and self.to.startswith("sips:"):
            raise ValueError("with briefing, to must be a tel: or sip: address")
        return self
