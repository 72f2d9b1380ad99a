"""Handing a caller over to a human."""

from pydantic import Field

from switchboard_contract.crd.meta import Model

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
