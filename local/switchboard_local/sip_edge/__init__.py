"""SIP edge stand-in: phone calls over SIP and RTP, to and from LiveKit rooms.

It stands where `livekit-sip` stands in production, and does what that does as seen from both
sides: the same trunks and dispatch rules read from LiveKit's API, a participant of kind SIP with
the same `sip.*` attributes, the same order of answers. Where livekit-sip goes silent it answers
with a reason, unless told to go silent too.

The way of a call: `wire` (UDP) -> `call` (a state machine without input or output) -> `room`
(LiveKit) and `media` (RTP), driven by `edge`; `routing` says where it goes. A call that
livekit-server asks for goes the other way: `psrpc` (Redis) -> `placed` -> `outgoing`, the same
kind of machine -> `outgoing_invite` (SIP).
"""
