"""What was said in a call, as a language model is told: no more than what was heard.

Some models insist that the caller begins and that both sides take turns, so entries of one side in
a row are put together, and the call begins with a note in the caller's place.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from switchboard_agent.llm.base import Message, Role
from switchboard_contract.recovery import Line, Speaker

_BEGIN: Final = "(The caller is connected.)"
_LONGEST_LETTERS: Final = 24_000
"""About 6,000 tokens: half an hour of talk. What is older is forgotten first."""

_ROLES: Final = {Speaker.CALLER: Role.USER, Speaker.AGENT: Role.ASSISTANT}
_SPEAKERS: Final = {role: speaker for speaker, role in _ROLES.items()}


@dataclass(slots=True)
class History:
    """One call."""

    _entries: list[Message] = field(default_factory=list)

    def caller_said(self, text: str) -> None:
        """A turn of the caller was answered."""
        self._entries.append(Message(Role.USER, text))

    def agent_was_heard(self, text: str) -> None:
        """Words that the caller heard; none leave no trace."""
        if text.strip():
            self._entries.append(Message(Role.ASSISTANT, text))

    @classmethod
    def of(cls, lines: Iterable[Line]) -> "History":
        """The history that `lines` was made from, as far as it is not forgotten."""
        return cls([Message(_ROLES[line.who], line.text) for line in lines])

    @property
    def lines(self) -> list[Line]:
        """What is not forgotten, for another worker."""
        return [Line(who=_SPEAKERS[entry.role], text=entry.content) for entry in self._recent()]

    @property
    def last_heard(self) -> str:
        """What the caller heard last of the agent; empty if nothing."""
        agents = (e.content for e in reversed(self._entries) if e.role is Role.ASSISTANT)
        return next(agents, "")

    def question(self, system: str, caller: str) -> list[Message]:
        """The conversation with a turn of the caller that is not answered yet."""
        entries = [Message(Role.USER, _BEGIN), *self._recent(), Message(Role.USER, caller)]
        return [Message(Role.SYSTEM, system), *_in_turns(entries)]

    def _recent(self) -> list[Message]:
        left = _LONGEST_LETTERS
        for at in range(len(self._entries) - 1, -1, -1):
            left -= len(self._entries[at].content)
            if left < 0:
                return self._entries[at + 1 :]
        return self._entries


def _in_turns(entries: list[Message]) -> list[Message]:
    turns: list[Message] = []
    for entry in entries:
        if turns and turns[-1].role is entry.role:
            turns[-1] = Message(entry.role, f"{turns[-1].content}\n{entry.content}")
        else:
            turns.append(entry)
    return turns
