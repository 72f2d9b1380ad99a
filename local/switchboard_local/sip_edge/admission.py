"""May this INVITE become a call? Routing, credentials and codec, each with its refusal.

The answers are livekit-sip's where it gives one: 407 for a challenge, 401 for a wrong password, 503
while LiveKit cannot be asked. Where it is silent, 404 and 403 say why.
"""

import logging
from dataclasses import dataclass

from switchboard_contract.sip_routing import InboundTrunk, Invite, Refusal, RefusalReason, Route
from switchboard_local.sip_edge.bridge import audio_session
from switchboard_local.sip_edge.call_model import Declined, Outcome
from switchboard_local.sip_edge.json_log import log
from switchboard_local.sip_edge.routing import Routing, RoutingUnavailableError
from switchboard_media.codec import CODECS, Codec
from switchboard_media.errors import MalformedMessage, MalformedSdp
from switchboard_media.sdp import SessionDescription
from switchboard_media.sdp import parse as parse_sdp
from switchboard_media.sdp_audio import AudioSession, NoCommonAudio
from switchboard_media.sip.digest import Challenge, NonceMint, Verdict, parse_credentials, verify
from switchboard_media.sip.message import Request

REALM = "livekit"
_LOGGER = logging.getLogger(__name__)
_SDP = "application/sdp"

_OUTCOMES = {403: Outcome.FORBIDDEN, 404: Outcome.UNROUTED, 503: Outcome.AMBIGUOUS}


@dataclass(frozen=True, slots=True)
class Welcome:
    """The call is wanted: where it goes, and what is spoken."""

    route: Route
    offer: SessionDescription
    audio: AudioSession


@dataclass(frozen=True, slots=True)
class Challenged:
    """The caller must prove who it is: 407 with this header."""

    header: str
    text: str


def invite_of(request: Request, source_ip: str) -> Invite:
    """Read what routing looks at."""
    return Invite(
        called=request.recipient.uri.user,
        caller=request.sender.uri.user,
        source_ip=source_ip,
        from_host=request.sender.uri.host,
    )


class Admission:
    """The door."""

    def __init__(self, routing: Routing, nonces: NonceMint, *, silent: bool) -> None:
        self._routing = routing
        self._nonces = nonces
        self._silent = silent

    async def decide(
        self, request: Request, invite: Invite, now_s: float
    ) -> Welcome | Challenged | Declined:
        """Let a call in, ask for credentials, or refuse."""
        try:
            decision = await self._routing.decide(invite)
        except RoutingUnavailableError as error:
            return Declined(503, Outcome.LIVEKIT_UNREACHABLE, str(error))
        if isinstance(decision, Refusal):
            return self._refused(decision, invite)
        if decision.fail_open:
            log(_LOGGER, logging.WARNING, "no trunk vouches for the caller", rule=decision.rule.id)
        if decision.trunk is not None:
            unproved = self._unproved(request, decision.trunk, now_s)
            if unproved is not None:
                return unproved
            if decision.trunk.requires_encryption:
                text = f"trunk {decision.trunk.id} requires SRTP, which the stand-in cannot do"
                return Declined(488, Outcome.ENCRYPTION_UNSUPPORTED, text)
        if decision.pin_required:
            text = f"rule {decision.rule.id} asks for a PIN, which the stand-in does not"
            return Declined(501, Outcome.PIN_UNSUPPORTED, text)
        return _with_audio(request, decision)

    def _refused(self, refusal: Refusal, invite: Invite) -> Declined:
        log(
            _LOGGER,
            logging.INFO,
            "call refused by routing",
            reason=refusal.reason.value,
            called=invite.called,
            text=refusal.text,
            remedy=refusal.remedy,
        )
        outcome = _OUTCOMES[refusal.sip_status]
        silent = self._silent and refusal.reason is not RefusalReason.TRUNKS_AMBIGUOUS
        text = f"{refusal.reason.value}: {refusal.text}; {refusal.remedy}"
        return Declined(refusal.sip_status, outcome, text, silent=silent)

    def _unproved(
        self, request: Request, trunk: InboundTrunk, now_s: float
    ) -> Challenged | Declined | None:
        """What the caller's credentials lack, or None."""
        if not (trunk.auth_username and trunk.auth_password):
            return None
        realm = trunk.auth_realm or REALM
        challenge = Challenge(realm=realm, nonce=self._nonces.mint(now_s))
        given = request.headers.get("Proxy-Authorization")
        if given is None:
            return Challenged(str(challenge), "the trunk asks for credentials")
        try:
            credentials = parse_credentials(given)
        except MalformedMessage as error:
            return Declined(401, Outcome.UNAUTHORIZED, f"bad credentials: {error}")
        verdict = verify(
            credentials,
            realm=realm,
            username=trunk.auth_username,
            password=trunk.auth_password,
            method=request.method,
            freshness=self._nonces.freshness(credentials.nonce, now_s),
        )
        if verdict is Verdict.ACCEPTED:
            return None
        if verdict is Verdict.STALE:
            stale = Challenge(realm=realm, nonce=self._nonces.mint(now_s), stale=True)
            return Challenged(str(stale), "the nonce is too old")
        return Declined(401, Outcome.UNAUTHORIZED, "wrong username or password")


def allowed_codecs(trunk: InboundTrunk | None) -> list[Codec]:
    """Return the codecs that calls of a trunk may use."""
    only = {name.upper() for name in trunk.codecs} if trunk is not None else set()
    return [codec for codec in CODECS if not only or codec.name.upper() in only]


def _with_audio(request: Request, route: Route) -> Welcome | Declined:
    if request.content_type not in {"", _SDP}:
        return Declined(415, Outcome.BAD_REQUEST, "the body is not application/sdp")
    if not request.body:
        return Declined(488, Outcome.NO_COMMON_CODEC, "the INVITE offers no SDP")
    try:
        offer = parse_sdp(request.body)
        audio = audio_session(offer, allowed_codecs(route.trunk))
    except MalformedSdp as error:
        return Declined(400, Outcome.BAD_REQUEST, f"malformed SDP: {error}")
    except NoCommonAudio as error:
        return Declined(488, Outcome.NO_COMMON_CODEC, str(error))
    return Welcome(route, offer, audio)
