"""Placing calls through Twilio's Calls API, and hearing what becomes of them.

Twilio rings the number and, once somebody has picked up, asks the agent's own TwiML address what to
do: from there on it is a call like any other.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from typing_extensions import override

from switchboard_agent.transport.twilio.calls_api import VERSION, authorization

_TIMEOUT = aiohttp.ClientTimeout(total=15.0)
_SID = re.compile("CA[0-9a-fA-F]{32}")


class CallStatus(StrEnum):
    """How far a call is, in Twilio's words."""

    QUEUED = "queued"
    INITIATED = "initiated"
    RINGING = "ringing"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    FAILED = "failed"
    CANCELED = "canceled"


ANSWERED: Final = frozenset({CallStatus.IN_PROGRESS, CallStatus.COMPLETED})
UNANSWERED: Final = frozenset(
    {CallStatus.BUSY, CallStatus.NO_ANSWER, CallStatus.FAILED, CallStatus.CANCELED}
)


class Obstacle(StrEnum):
    """Why no call was placed; the text is the remedy."""

    CREDENTIALS = "the auth token or spec.channels.twilio.accountSid is not right"
    NUMBER = "Twilio does not call that number: check it"
    UNVERIFIED = "a trial account calls verified numbers only: verify it at Twilio, or upgrade"
    CALLER_ID = "the number called from is not one of the account's"
    COUNTRY = "allow calls to that country in Twilio's Voice Geographic Permissions"
    RATE = "too many calls at once: wait, or have Twilio raise the account's calls per second"
    REFUSED = "Twilio did not take the request"
    UNREACHABLE = "Twilio's API does not answer: check the network and apiUrl"


_OBSTACLES: Final = {
    20003: Obstacle.CREDENTIALS,
    20008: Obstacle.CREDENTIALS,
    20429: Obstacle.RATE,
    21201: Obstacle.NUMBER,
    21210: Obstacle.CALLER_ID,
    21211: Obstacle.NUMBER,
    21212: Obstacle.CALLER_ID,
    21214: Obstacle.NUMBER,
    21215: Obstacle.COUNTRY,
    21216: Obstacle.NUMBER,
    21217: Obstacle.NUMBER,
    21219: Obstacle.UNVERIFIED,
}
"""Error codes of Twilio's. Others go by the HTTP status."""
_OF_STATUS: Final[dict[int, Obstacle]] = {
    HTTPStatus.UNAUTHORIZED: Obstacle.CREDENTIALS,
    HTTPStatus.FORBIDDEN: Obstacle.CREDENTIALS,
    HTTPStatus.TOO_MANY_REQUESTS: Obstacle.RATE,
}


@dataclass(eq=False)
class CallNotPlacedError(Exception):
    """Twilio did not do what was asked."""

    obstacle: Obstacle
    detail: str
    retry_after_seconds: int | None = None

    @override
    def __str__(self) -> str:
        wait = self.retry_after_seconds
        after = "" if wait is None else f" (again in {wait} s)"
        return f"{self.detail}: {self.obstacle}{after}"


@dataclass(frozen=True, slots=True)
class Account:
    """Who calls, and where Twilio is."""

    sid: str
    auth_token: str = field(repr=False)
    api_url: str


@dataclass(frozen=True, slots=True)
class OutboundCall:
    """A call to be placed; numbers in E.164 form."""

    to: str
    caller: str
    """Shown to the called; a number of the agent's."""
    twiml_url: str
    ring_seconds: int


class TwilioDialler:
    """Places calls of one account."""

    def __init__(self, session: aiohttp.ClientSession, account: Account) -> None:
        self._session = session
        self._account = account

    async def place(self, call: OutboundCall) -> str:
        """Begin a call; gives its SID. Raises `CallNotPlacedError`."""
        form = {
            "To": call.to,
            "From": call.caller,
            "Url": call.twiml_url,
            "Method": "POST",
            "Timeout": str(call.ring_seconds),
        }
        placed = await self._ask("POST", "Calls.json", form)
        sid = str(placed.get("sid", ""))
        if not _SID.fullmatch(sid):
            raise CallNotPlacedError(Obstacle.REFUSED, "the answer names no call")
        return sid

    async def status(self, sid: str) -> CallStatus:
        """How far the call is. Raises `CallNotPlacedError`."""
        found = await self._ask("GET", f"Calls/{sid}.json", None)
        try:
            return CallStatus(str(found.get("status")))
        except ValueError:
            detail = "the answer names no status"
            raise CallNotPlacedError(Obstacle.REFUSED, detail) from None

    async def _ask(
        self, method: str, path: str, form: Mapping[str, str] | None
    ) -> Mapping[str, Any]:
        account = self._account
        try:
            async with self._session.request(
                method,
                f"{account.api_url}/{VERSION}/Accounts/{account.sid}/{path}",
                data=form,
                headers=authorization(account.sid, account.auth_token),
                timeout=_TIMEOUT,
                allow_redirects=False,
            ) as response:
                body = await _json(response)
                if response.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
                    raise _refused(response, body)
                return body
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise CallNotPlacedError(Obstacle.UNREACHABLE, type(error).__name__) from error


async def _json(response: aiohttp.ClientResponse) -> Mapping[str, Any]:
    try:
        body = await response.json(content_type=None)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _refused(response: aiohttp.ClientResponse, body: Mapping[str, Any]) -> CallNotPlacedError:
    code, message = body.get("code"), str(body.get("message", ""))[:300]
    of_status = _OF_STATUS.get(response.status, Obstacle.REFUSED)
    obstacle = _OBSTACLES.get(code, of_status) if isinstance(code, int) else of_status
    detail = f"Twilio answered {response.status}" + (f", error {code}" if code else "")
    wait = response.headers.get("Retry-After", "")
    seconds = int(wait) if wait.isascii() and wait.isdecimal() else None
    return CallNotPlacedError(obstacle, f"{detail}: {message}" if message else detail, seconds)
