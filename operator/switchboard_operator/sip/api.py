"""LiveKit's API behind a small protocol, with its errors translated and its calls counted."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Protocol, Self, TypeVar

import aiohttp
from livekit import api
from livekit.api.room_service import RoomService
from livekit.protocol.room import DeleteRoomRequest, ListRoomsRequest
from livekit.protocol.sip import (
    CreateSIPDispatchRuleRequest,
    CreateSIPInboundTrunkRequest,
    CreateSIPOutboundTrunkRequest,
    DeleteSIPDispatchRuleRequest,
    DeleteSIPTrunkRequest,
    ListSIPDispatchRuleRequest,
    ListSIPInboundTrunkRequest,
    ListSIPOutboundTrunkRequest,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPOutboundTrunkInfo,
)
from typing_extensions import override

from switchboard_operator.errors import LiveKitRefusedError, LiveKitUnreachableError
from switchboard_operator.observe import Around, unobserved

T = TypeVar("T")
OnRequest = Callable[[str, str], None]
"""Called with method and result (ok, failed) after each request; counts them."""

_NOT_FOUND = 404
_UNAUTHORIZED = 401
_SERVER_ERROR = 500
_TIMEOUT_SECONDS = 10.0


class SipApi(Protocol):
    """What the operator asks of LiveKit."""

    async def list_trunks(self) -> list[SIPInboundTrunkInfo]:
        """Return every inbound trunk."""

    async def list_rules(self) -> list[SIPDispatchRuleInfo]:
        """Return every dispatch rule."""

    async def list_rooms(self) -> list[tuple[str, str]]:
        """Return name and metadata of every live room."""

    async def delete_room(self, name: str) -> None:
        """End a room and put everybody out; no error if it is gone."""

    async def list_outbound(self) -> list[SIPOutboundTrunkInfo]:
        """Return every outbound trunk."""

    async def create_outbound(self, trunk: SIPOutboundTrunkInfo) -> SIPOutboundTrunkInfo:
        """Create an outbound trunk; LiveKit gives it an id."""

    async def replace_outbound(
        self, trunk_id: str, trunk: SIPOutboundTrunkInfo
    ) -> SIPOutboundTrunkInfo:
        """Replace an outbound trunk, keeping its id."""

    async def create_trunk(self, trunk: SIPInboundTrunkInfo) -> SIPInboundTrunkInfo:
        """Create a trunk; LiveKit gives it an id."""

    async def replace_trunk(self, trunk_id: str, trunk: SIPInboundTrunkInfo) -> SIPInboundTrunkInfo:
        """Replace a trunk, keeping its id."""

    async def delete_trunk(self, trunk_id: str) -> None:
        """Delete a trunk, inbound or outbound; no error if it is gone."""

    async def create_rule(self, rule: SIPDispatchRuleInfo) -> SIPDispatchRuleInfo:
        """Create a rule; LiveKit gives it an id."""

    async def replace_rule(self, rule_id: str, rule: SIPDispatchRuleInfo) -> SIPDispatchRuleInfo:
        """Replace a rule, keeping its id."""

    async def delete_rule(self, rule_id: str) -> None:
        """Delete a rule; no error if it is gone."""


class LiveKitApi(SipApi):
    """The real one."""

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        on_request: OnRequest,
        around: Around = unobserved,
    ) -> None:
        self._url = url
        self._around = around
        self._on_request = on_request
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS))
        # Fail-over is LiveKit Cloud's; here a failed request is retried by the work queue.
        self._api = api.LiveKitAPI(url, key, secret, session=self._session, failover=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    @override
    async def list_trunks(self) -> list[SIPInboundTrunkInfo]:
        request = ListSIPInboundTrunkRequest()
        answer = await self._call("ListSIPInboundTrunk", self._api.sip.list_inbound_trunk(request))
        return list(answer.items)

    @override
    async def list_rules(self) -> list[SIPDispatchRuleInfo]:
        request = ListSIPDispatchRuleRequest()
        answer = await self._call("ListSIPDispatchRule", self._api.sip.list_dispatch_rule(request))
        return list(answer.items)

    @override
    async def list_rooms(self) -> list[tuple[str, str]]:
        answer = await self._call("ListRooms", self._api.room.list_rooms(ListRoomsRequest()))
        return [(room.name, room.metadata) for room in answer.rooms]

    @override
    async def delete_room(self, name: str) -> None:
        request = DeleteRoomRequest(room=name)
        await self._delete("DeleteRoom", self._api.room.delete_room(request))

    @override
    async def list_outbound(self) -> list[SIPOutboundTrunkInfo]:
        request = ListSIPOutboundTrunkRequest()
        call = self._api.sip.list_outbound_trunk(request)
        return list((await self._call("ListSIPOutboundTrunk", call)).items)

    @override
    async def create_outbound(self, trunk: SIPOutboundTrunkInfo) -> SIPOutboundTrunkInfo:
        request = CreateSIPOutboundTrunkRequest(trunk=trunk)
        call = self._api.sip.create_outbound_trunk(request)
        return await self._call("CreateSIPOutboundTrunk", call)

    @override
    async def replace_outbound(
        self, trunk_id: str, trunk: SIPOutboundTrunkInfo
    ) -> SIPOutboundTrunkInfo:
        call = self._api.sip.update_outbound_trunk(trunk_id, trunk)
        return await self._call("UpdateSIPOutboundTrunk", call)

    @override
    async def create_trunk(self, trunk: SIPInboundTrunkInfo) -> SIPInboundTrunkInfo:
        request = CreateSIPInboundTrunkRequest(trunk=trunk)
        return await self._call(
            "CreateSIPInboundTrunk", self._api.sip.create_inbound_trunk(request)
        )

    @override
    async def replace_trunk(self, trunk_id: str, trunk: SIPInboundTrunkInfo) -> SIPInboundTrunkInfo:
        call = self._api.sip.update_inbound_trunk(trunk_id, trunk)
        return await self._call("UpdateSIPInboundTrunk", call)

    @override
    async def delete_trunk(self, trunk_id: str) -> None:
        request = DeleteSIPTrunkRequest(sip_trunk_id=trunk_id)
        await self._delete("DeleteSIPTrunk", self._api.sip.delete_trunk(request))

    @override
    async def create_rule(self, rule: SIPDispatchRuleInfo) -> SIPDispatchRuleInfo:
        request = CreateSIPDispatchRuleRequest(dispatch_rule=rule)
        return await self._call(
            "CreateSIPDispatchRule", self._api.sip.create_dispatch_rule(request)
        )

    @override
    async def replace_rule(self, rule_id: str, rule: SIPDispatchRuleInfo) -> SIPDispatchRuleInfo:
        call = self._api.sip.update_dispatch_rule(rule_id, rule)
        return await self._call("UpdateSIPDispatchRule", call)

    @override
    async def delete_rule(self, rule_id: str) -> None:
        request = DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=rule_id)
        await self._delete("DeleteSIPDispatchRule", self._api.sip.delete_dispatch_rule(request))

    @property
    def rooms(self) -> RoomService:
        """LiveKit's room service, for `ask`."""
        return self._api.room

    async def ask(self, method: str, call: Awaitable[T]) -> T:
        """Await a request of the caller's own making, with errors translated and counted."""
        return await self._call(method, call)

    async def _delete(self, method: str, call: Awaitable[object]) -> None:
        try:
            await self._call(method, call)
        except LiveKitRefusedError as error:
            if not isinstance(error.__cause__, api.TwirpError):
                raise
            if error.__cause__.status != _NOT_FOUND:
                raise

    async def _call(self, method: str, call: Awaitable[T]) -> T:
        try:
            with self._around(method, ""):
                answer = await call
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            self._on_request(method, "failed")
            text = f"LiveKit at {self._url} does not answer ({type(error).__name__})"
            raise LiveKitUnreachableError(f"{text}; check that it runs") from error
        except api.TwirpError as error:
            self._on_request(method, "failed")
            raise _translated(method, self._url, error) from error
        self._on_request(method, "ok")
        return answer


def _translated(method: str, url: str, error: api.TwirpError) -> Exception:
    if error.status == _UNAUTHORIZED:
        return LiveKitRefusedError(
            f"LiveKit at {url} refuses the operator's API key; correct key and secret"
        )
    text = f"LiveKit {method}: {error.message or error.code}"
    if error.status >= _SERVER_ERROR:
        return LiveKitUnreachableError(text)
    return LiveKitRefusedError(text)
