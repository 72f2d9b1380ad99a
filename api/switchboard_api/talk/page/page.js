// The page around one call: buttons, keypad and words for its state.

import { Call, KEYS } from "./call.js";

const STATES = {
  connecting: "Connecting…",
  waiting: "Waiting for an agent…",
  listening: "The agent listens.",
  speaking: "The agent speaks.",
};

const [state, callButton, hangUpButton, keypad, room, voice] = [
  "state",
  "call",
  "hang-up",
  "keypad",
  "room",
  "voice",
].map((id) => document.getElementById(id));

let call = new Call({});

callButton.addEventListener("click", () => {
  call = new Call({
    onState: show,
    onVoice: (stream) => {
      voice.srcObject = stream;
    },
  });
  call.start(askTicket);
});
hangUpButton.addEventListener("click", () => call.hangUp());
keypad.addEventListener("click", ({ target }) => call.press(target.value || target.textContent));
document.addEventListener("keydown", (event) => {
  const shortcut = event.ctrlKey || event.altKey || event.metaKey;
  if (!event.repeat && !shortcut && KEYS.includes(event.key)) call.press(event.key);
});
window.addEventListener("pagehide", () => call.hangUp());

async function askTicket() {
  const response = await fetch("call", { method: "POST" }).catch(() => {
    throw new Error("`switchboard talk` does not answer. Does it still run?");
  });
  const ticket = await response.json();
  if (!response.ok) throw new Error(ticket.error);
  room.textContent = `Room ${ticket.room}`;
  return ticket;
}

function show(now, ended) {
  const inCall = now !== "ended";
  const hadFocus = document.activeElement === (inCall ? callButton : hangUpButton);
  state.dataset.state = ended?.why ?? now;
  state.textContent = ended?.message ?? STATES[now];
  callButton.hidden = inCall;
  hangUpButton.hidden = !inCall;
  keypad.disabled = now !== "listening" && now !== "speaking";
  if (hadFocus) (inCall ? hangUpButton : callButton).focus();
  if (!inCall) voice.srcObject = null;
}
