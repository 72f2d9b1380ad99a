// A call from a browser to a voice agent: LiveKit's signalling with the browser's own WebRTC.
//
//   const call = new Call({ onState: (state, why) => ..., onVoice: (stream) => ... });
//   await call.start(async () => ({ url, token }));
//   call.press("5");
//   call.hangUp();
//
// It goes through these states, and ends once: what is asked of a call that has ended is ignored.
//
//   connecting -> waiting (for an agent) -> listening <-> speaking -> ended
//                    ^--------------------------'  (the agent was lost, another one may come)
//
// The server offers a connection for what the caller hears (the subscriber); the caller offers one
// for what it sends (the publisher). A connection that breaks ends the call: nothing is resumed.

import {
  DataPacket,
  DisconnectReason,
  ParticipantKind,
  ParticipantState,
  SignalRequest,
  SignalResponse,
  Target,
  TrackSource,
  TrackType,
} from "./messages.js";
import { decode, encode } from "./protobuf.js";

// Why a call ended, in words for the caller.
export const REASONS = {
  "hung-up": "You hung up.",
  "agent-hung-up": "The agent hung up.",
  refused: "The agent did not take the call: its places are full, or a quota or rule forbids it.",
  "no-answer": "No agent answered. Does a worker run? `switchboard status` says what is wrong.",
  "agent-lost": "The agent was lost, and no other one took over.",
  "no-ticket": "The call was not let in.",
  "no-microphone": "No microphone was found. Connect one and call again.",
  "microphone-denied": "The microphone was not allowed. Allow it for this page and call again.",
  "microphone-busy": "The microphone could not be opened. Does another program use it?",
  insecure: "Browsers give the microphone to https:// and localhost pages only.",
  unreachable: "LiveKit could not be reached from this browser, or turned the call away.",
  "no-sound": "No sound got through: this browser cannot reach LiveKit's media ports.",
  lost: "The connection to LiveKit broke.",
};

export const KEYS = "0123456789*#";

const PROTOCOL = 15;
const CONNECT_MS = 10_000;
const LEVEL_MS = 100;
const VOICE_LEVEL = 0.01; // of 1, over the noise of codecs
const VOICE_HOLD_MS = 600; // a shorter pause is one between words

const ENDED_BY_AGENT = new Set([
  DisconnectReason.PARTICIPANT_REMOVED,
  DisconnectReason.ROOM_DELETED,
  DisconnectReason.ROOM_CLOSED,
]);

class Failure extends Error {
  constructor(why, detail = "") {
    super(detail || REASONS[why]);
    this.why = why;
  }
}

export class Call {
  state = "idle";

  #onState;
  #onVoice;
  #answerMs;
  #microphone = null;
  #socket = null;
  #publisher = null;
  #subscriber = null;
  #channel = null;
  #inOrder = Promise.resolve();
  #agents = new Set();
  #answered = false;
  #receiver = null;
  #voiceAt = -Infinity;
  #timers = [];
  #patience = null;

  constructor({ onState = () => {}, onVoice = () => {}, answerMs = 20_000 }) {
    this.#answerMs = answerMs;
    this.#onState = onState;
    this.#onVoice = onVoice;
  }

  // `ask` gives { url, token } of a LiveKit room; it is asked once the microphone is there, so that
  // a token may be short-lived. Resolves when the call is in the room, or has ended.
  async start(ask) {
    this.#become("connecting");
    try {
      this.#microphone = await openMicrophone();
      if (this.state === "ended") return this.#release();
      const ticket = await ask().catch((error) => {
        throw new Failure("no-ticket", error.message);
      });
      if (this.state === "ended") return;
      await this.#join(ticket);
    } catch (error) {
      this.#fail(error);
    }
  }

  // Sends one key: a digit, * or #.
  press(key) {
    const code = KEYS.indexOf(key);
    const channel = this.#channel;
    if (key.length !== 1 || code < 0 || channel === null) return;
    const packet = encode(DataPacket, { sipDtmf: { code, digit: key } });
    if (channel.readyState === "open") channel.send(packet);
    else channel.addEventListener("open", () => channel.send(packet));
  }

  hangUp() {
    this.#end("hung-up");
  }

  // --- into the room ---------------------------------------------------------------------------

  #join({ url, token }) {
    const address = new URL("rtc", url.replace(/^http/, "ws").replace(/\/*$/, "/"));
    address.search = new URLSearchParams({
      access_token: token,
      auto_subscribe: "1",
      protocol: String(PROTOCOL),
    });
    const socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    return new Promise((resolve) => {
      this.#patience = setTimeout(() => this.#end("unreachable"), CONNECT_MS);
      socket.onmessage = ({ data }) => {
        const message = decode(SignalResponse, new Uint8Array(data));
        // One after the other: a candidate makes sense after the offer that it belongs to.
        this.#inOrder = this.#inOrder
          .then(() => this.state !== "ended" && this.#take(message))
          .catch((error) => this.#fail(error))
          .finally(resolve);
      };
      socket.onclose = () => {
        // After what came before it: the server may have said why.
        this.#inOrder.finally(() => {
          this.#end(this.state === "connecting" ? "unreachable" : "lost");
          resolve();
        });
      };
    });
  }

  async #take({ join, offer, answer, trickle, update, leave }) {
    if (join) await this.#joined(join);
    if (offer) await this.#answerOffer(offer);
    if (answer) await this.#publisher.setRemoteDescription(answer);
    if (trickle?.candidateInit) await this.#addCandidate(trickle);
    if (update) this.#noteAgents(update.participants ?? []);
    if (leave) this.#left(leave.reason);
  }

  async #joined({ iceServers = [], otherParticipants = [], pingInterval = 5 }) {
    const servers = iceServers.filter(({ urls }) => urls?.length);
    this.#subscriber = this.#connection(servers, Target.SUBSCRIBER);
    this.#publisher = this.#connection(servers, Target.PUBLISHER);
    this.#subscriber.ontrack = ({ track, receiver, streams }) => {
      if (track.kind === "audio") this.#hear(receiver, streams[0] ?? new MediaStream([track]));
    };
    this.#every(pingInterval * 1000, () => {
      this.#send({ pingReq: { timestamp: Date.now(), rtt: 0 } });
    });
    this.#every(LEVEL_MS, () => this.#noteVoice());
    this.#become("waiting");
    this.#awaitAgent("no-answer");
    this.#noteAgents(otherParticipants);
    await this.#publish();
  }

  #connection(iceServers, target) {
    const connection = new RTCPeerConnection({ iceServers });
    connection.onicecandidate = ({ candidate }) => {
      const candidateInit = candidate ? JSON.stringify(candidate.toJSON()) : "";
      this.#send({ trickle: { candidateInit, target, final: candidate === null } });
    };
    connection.onconnectionstatechange = () => {
      if (connection.connectionState === "failed") this.#end(this.#answered ? "lost" : "no-sound");
    };
    return connection;
  }

  async #publish() {
    const [track] = this.#microphone.getAudioTracks();
    track.onended = () => this.#end("no-microphone");
    this.#publisher.addTransceiver(track, { direction: "sendonly" });
    this.#channel = this.#publisher.createDataChannel("_reliable", { ordered: true });
    this.#send({
      addTrack: {
        cid: track.id,
        name: "microphone",
        type: TrackType.AUDIO,
        source: TrackSource.MICROPHONE,
        disableDtx: true, // the agent tells speech from silence by itself
      },
    });
    await this.#publisher.setLocalDescription();
    const { type, sdp } = this.#publisher.localDescription;
    this.#send({ offer: { type, sdp } });
  }

  async #answerOffer({ type, sdp, id = 0 }) {
    await this.#subscriber.setRemoteDescription({ type, sdp });
    await this.#subscriber.setLocalDescription();
    const answer = this.#subscriber.localDescription;
    this.#send({ answer: { type: answer.type, sdp: answer.sdp, id } });
  }

  async #addCandidate({ candidateInit, target = Target.PUBLISHER }) {
    const connection = target === Target.SUBSCRIBER ? this.#subscriber : this.#publisher;
    await connection.addIceCandidate(JSON.parse(candidateInit));
  }

  // --- the agent -------------------------------------------------------------------------------

  #noteAgents(participants) {
    for (const { sid, state, kind } of participants) {
      if (kind !== ParticipantKind.AGENT) continue;
      if (state !== ParticipantState.DISCONNECTED) this.#agents.add(sid);
      else if (this.#agents.delete(sid) && this.#agents.size === 0) {
        this.#become("waiting");
        this.#awaitAgent("agent-lost");
      }
    }
  }

  #awaitAgent(why) {
    clearTimeout(this.#patience);
    this.#patience = setTimeout(() => {
      const connected = this.#subscriber.connectionState === "connected";
      this.#end(connected ? why : "no-sound");
    }, this.#answerMs);
  }

  #hear(receiver, stream) {
    clearTimeout(this.#patience);
    this.#answered = true;
    this.#receiver = receiver;
    this.#become("listening");
    this.#onVoice(stream);
  }

  async #noteVoice() {
    if (this.#receiver === null) return;
    if ((await audioLevel(this.#receiver)) > VOICE_LEVEL) this.#voiceAt = performance.now();
    if (this.state !== "listening" && this.state !== "speaking") return;
    this.#become(performance.now() - this.#voiceAt < VOICE_HOLD_MS ? "speaking" : "listening");
  }

  #left(reason) {
    if (!ENDED_BY_AGENT.has(reason)) this.#end("lost");
    else this.#end(this.#answered ? "agent-hung-up" : "refused");
  }

  // --- the end ---------------------------------------------------------------------------------

  #fail(error) {
    if (this.state === "ended") return; // what is under way then fails on closed connections
    const why = error instanceof Failure ? error.why : "lost";
    if (why === "lost") console.error(error);
    this.#end(why, error instanceof Failure ? error.message : REASONS.lost);
  }

  #end(why, message = REASONS[why]) {
    if (this.state === "ended" || this.state === "idle") return;
    this.#send({ leave: { reason: DisconnectReason.CLIENT_INITIATED } });
    this.#become("ended", { why, message });
    this.#release();
  }

  #release() {
    clearTimeout(this.#patience);
    for (const timer of this.#timers) clearInterval(timer);
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#publisher?.close();
    this.#subscriber?.close();
    this.#socket?.close();
  }

  // --- helpers ---------------------------------------------------------------------------------

  #become(state, ended) {
    if (this.state === state || this.state === "ended") return;
    this.state = state;
    this.#onState(state, ended);
  }

  #send(request) {
    if (this.#socket?.readyState === WebSocket.OPEN) {
      this.#socket.send(encode(SignalRequest, request));
    }
  }

  #every(ms, work) {
    this.#timers.push(setInterval(work, ms));
  }
}

async function openMicrophone() {
  if (!navigator.mediaDevices) throw new Failure("insecure");
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (error) {
    if (error.name === "NotFoundError") throw new Failure("no-microphone");
    if (error.name === "NotAllowedError") throw new Failure("microphone-denied");
    throw new Failure("microphone-busy");
  }
}

async function audioLevel(receiver) {
  for (const report of (await receiver.getStats()).values()) {
    if (report.type === "inbound-rtp") return report.audioLevel ?? 0;
  }
  return 0;
}
