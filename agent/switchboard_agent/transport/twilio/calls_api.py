"""Twilio's Calls API: ending a call that the agent hung up.

Closing the stream also ends it, because Twilio then asks what to do next. This is sooner, and works
when nobody is left to answer that question.
"""

import base64
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp

from switchboard_contract.line import TwilioLine

REQUEST_TIMEOUT = aiohttp.ClientTimeout(total=1.5)
"""A call that is over waits for this before its place is free."""

VERSION = "2010-04-01"


@dataclass(frozen=True, slots=True)
class TwilioApiError(Exception):
    """Twilio did not do what was asked of a call."""

    detail: str


class TwilioCalls:
    """Calls at Twilio."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def complete(self, line: TwilioLine, auth_token: str, call_sid: str) -> None:
        """End a call. One that is over already is fine. Raises `TwilioApiError`."""
        url = f"{line.api_url}/{VERSION}/Accounts/{line.account_sid}/Calls/{call_sid}.json"
        try:
            async with self._session.post(
                url,
                data={"Status": "completed"},
                headers=authorization(line.account_sid, auth_token),
                timeout=REQUEST_TIMEOUT,
                allow_redirects=False,
            ) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TwilioApiError(f"Twilio does not answer: {type(error).__name__}") from error
        if status not in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
            raise TwilioApiError(f"Twilio answered {status}")


def authorization(user: str, password: str) -> dict[str, str]:
    """HTTP Basic, as Twilio's API wants it."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}
