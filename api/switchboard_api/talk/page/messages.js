// LiveKit's messages, as far as a call needs them: livekit_rtc.proto and livekit_models.proto of
// github.com/livekit/protocol. A field that is not listed is not sent, and skipped when it comes.

export const Target = { PUBLISHER: 0, SUBSCRIBER: 1 };
export const TrackSource = { MICROPHONE: 2 };
export const TrackType = { AUDIO: 0 };
export const ParticipantKind = { AGENT: 4 };
export const ParticipantState = { DISCONNECTED: 3 };
export const DisconnectReason = {
  CLIENT_INITIATED: 1,
  SERVER_SHUTDOWN: 3,
  PARTICIPANT_REMOVED: 4,
  ROOM_DELETED: 5,
  ROOM_CLOSED: 10,
};

const SessionDescription = { type: [1, "string"], sdp: [2, "string"], id: [3, "int"] };
const Trickle = { candidateInit: [1, "string"], target: [2, "int"], final: [3, "bool"] };
const Leave = { reason: [2, "int"], action: [3, "int"] };
const AddTrack = {
  cid: [1, "string"],
  name: [2, "string"],
  type: [3, "int"],
  disableDtx: [7, "bool"],
  source: [8, "int"],
};
const Ping = { timestamp: [1, "int"], rtt: [2, "int"] };
const Participant = { sid: [1, "string"], state: [3, "int"], kind: [14, "int"] };
const IceServer = { urls: [1, ["string"]], username: [2, "string"], credential: [3, "string"] };
const Join = {
  otherParticipants: [3, [Participant]],
  iceServers: [5, [IceServer]],
  pingInterval: [11, "int"],
};

export const SignalRequest = {
  offer: [1, SessionDescription],
  answer: [2, SessionDescription],
  trickle: [3, Trickle],
  addTrack: [4, AddTrack],
  leave: [8, Leave],
  pingReq: [16, Ping],
};

export const SignalResponse = {
  join: [1, Join],
  answer: [2, SessionDescription],
  offer: [3, SessionDescription],
  trickle: [4, Trickle],
  update: [5, { participants: [1, [Participant]] }],
  leave: [8, Leave],
};

export const DataPacket = { sipDtmf: [6, { code: [3, "int"], digit: [4, "string"] }] };
