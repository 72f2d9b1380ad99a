"""One call's dialog led by a language model.

The model sees what was heard, by either side, and nothing else. `respond` asks it and holds the
answer back; `commit` makes the caller's turn part of the history; what the agent said follows when
it has been heard, as far as it was heard.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from typing_extensions import override

from switchboard_agent.dialog import english
from switchboard_agent.dialog.answer import SpokenAnswer
from switchboard_agent.dialog.base import CallerTurn, Dialog, Reply, bridge
from switchboard_agent.dialog.end_marker import HANG_UP, KEYS, TRANSFER, keys_mark
from switchboard_agent.dialog.excuses import excuse
from switchboard_agent.dialog.history import History
from switchboard_agent.language.turn_words import asks_to_wait, dictation_of
from switchboard_agent.language.words import words_of
from switchboard_agent.llm.chain import LlmChain, NoAnswerError, OnFailure
from switchboard_agent.open_streams import OpenStreams
from switchboard_contract.crd.voice_agent import Persona, PromptDialog
from switchboard_contract.recovery import DialogMemory, PromptMemory

_NO_INPUT: Final = "Are you still there?"
_GOODBYE: Final = "Goodbye."
_PUT_THROUGH: Final = "One moment, I will put you through."
_GO_ON: Final = "Please go on."
_NOT_HEARD: Final = "(The caller said something that could not be understood.)"

_HOW_TO_SPEAK: Final = f"""

You are {{agent}}{{business}}, and you are on the phone: what you write is spoken to the caller.
- Answer in one or two short sentences. Ask one thing at a time.
- Write plain words only: no lists, no markup, no emoji, numbers as one says them.
- What the caller says comes from a speech recogniser and may be wrong. If it makes no sense, ask.
- When the conversation is over, say goodbye and end your answer with {HANG_UP}. It hangs up.
"""
_HOW_TO_TRANSFER: Final = f"""\
- If the caller wants a human, say that you put them through and end your answer with {TRANSFER}.
"""
_HOW_TO_PRESS_KEYS: Final = f"""\
- To press telephone keys, as a menu asks for, end your answer with them, as in {keys_mark("12#")}.
  Words before it are spoken first; there need be none. Each w among the keys waits half a second.
"""


@dataclass(frozen=True, slots=True)
class _Offered:
    """A reply that nobody has heard of yet."""

    reply: Reply
    caller: str
    """The turn it answers; empty if none."""
    failures: int
    silences: int


class PromptedDialog(Dialog):
    """A dialog that follows the instructions of an agent revision."""

    def __init__(
        self,
        prompt: PromptDialog,
        persona: Persona,
        chain: LlmChain,
        on_fallback: Callable[[], None],
        *,
        language: str = "en-US",
        reprompts: int = 2,
        may_transfer: bool = False,
    ) -> None:
        """`may_transfer` lets the model put callers through to a human."""
        self._prompt = prompt
        self._persona = persona
        self._chain = chain
        self._on_fallback = on_fallback
        self._language = language
        self._dictation = dictation_of(language)
        self._reprompts = reprompts
        self._system = self._filled(prompt.instructions) + self._filled(
            _HOW_TO_SPEAK, business_prefix=" of "
        )
        may = (
            (may_transfer, TRANSFER, _HOW_TO_TRANSFER),
            (prompt.press_keys, KEYS, _HOW_TO_PRESS_KEYS),
        )
        self._marks = (HANG_UP, *(mark for allowed, mark, _ in may if allowed))
        self._system += "".join(how for allowed, _, how in may if allowed)
        self._history = History()
        self._failures = 0
        self._silences = 0
        self._offered: _Offered | None = None
        self._bridge: Reply | None = None

    @override
    def greeting(self) -> Reply:
        if self._bridge is not None:
            return self._offer(self._bridge, failures=self._failures, silences=self._silences)
        return self._offer(Reply(self._filled(self._prompt.greeting)))

    @override
    async def respond(self, turn: CallerTurn) -> Reply:
        caller = _as_text(turn)
        if not turn.dtmf and asks_to_wait(self._language, turn.text):
            return self._offer(Reply(self._prompt.hold, hold=True), caller)
        due = asyncio.get_running_loop().time() + self._prompt.answer_within_ms / 1000
        question = self._history.question(self._system, caller)
        answer = SpokenAnswer(self._chain, question, Reply(self._prompt.fallback), self._marks)
        try:
            reply = await answer.first(due)
        except NoAnswerError:
            self._on_fallback()
            return self._offer(self._excuse(), caller, failures=self._failures + 1)
        if not reply.text and reply.end_call:
            reply = Reply(_GOODBYE, end_call=True, more=reply.more)
        if not reply.text and reply.transfer:
            reply = Reply(_PUT_THROUGH, transfer=True, more=reply.more)
        return self._offer(reply, caller)

    def watch_models(self, on_failure: OnFailure, streams: OpenStreams) -> None:
        """Have the call told when one of its models fails, and of its answers."""
        self._chain.on_failure, self._chain.streams = on_failure, streams

    @override
    def commit(self, reply: Reply) -> None:
        offered, self._offered = self._offered, None
        if offered is None or offered.reply is not reply:
            return
        self._failures, self._silences = offered.failures, offered.silences
        if offered.caller:
            self._history.caller_said(offered.caller)

    @override
    def heard(self, text: str) -> None:
        self._history.agent_was_heard(text)

    @override
    def keys_sent(self, keys: str) -> None:
        if keys:
            self._history.agent_was_heard(keys_mark(keys))

    @override
    def no_input(self) -> Reply:
        silences = self._silences + 1
        gone = silences > self._reprompts
        reply = Reply(_GOODBYE if gone else _NO_INPUT, end_call=gone)
        return self._offer(reply, failures=self._failures, silences=silences)

    @override
    def is_complete(self, text: str) -> bool:
        words = words_of(text)
        if not words or words[-1] in english.UNFINISHED:
            return False
        return not self._dictation.is_open(text, self._history.last_heard)

    @property
    @override
    def memory(self) -> DialogMemory:
        return PromptMemory(
            lines=self._history.lines, failures=self._failures, silences=self._silences
        )

    @override
    def recall(self, memory: DialogMemory, cut: Reply) -> None:
        if not isinstance(memory, PromptMemory):
            raise TypeError("a prompt cannot go on from the memory of a script")
        self._history = History.of(memory.lines)
        self._failures, self._silences = memory.failures, memory.silences
        otherwise = _GOODBYE if cut.end_call else _PUT_THROUGH if cut.transfer else _GO_ON
        self._bridge = replace(cut, text=bridge(cut.text, otherwise))

    @property
    @override
    def slots(self) -> Mapping[str, str]:
        return {}

    @property
    @override
    def result(self) -> str:
        return ""

    def _offer(
        self, reply: Reply, caller: str = "", *, failures: int = 0, silences: int = 0
    ) -> Reply:
        self._offered = _Offered(reply, caller, failures, silences)
        return reply

    def _excuse(self) -> Reply:
        return excuse(self._prompt.fallback, self._failures + 1)

    def _filled(self, text: str, *, business_prefix: str = "") -> str:
        business = self._persona.business
        named = text.replace("{agent}", self._persona.name)
        return named.replace("{business}", business and f"{business_prefix}{business}")


def _as_text(turn: CallerTurn) -> str:
    keys = f"(The caller pressed {' '.join(turn.dtmf)} on the telephone.)" if turn.dtmf else ""
    return " ".join(part for part in (turn.text, keys) if part) or _NOT_HEARD
