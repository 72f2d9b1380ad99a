"""Plays a conversation with a scripted dialog: what was said, what was answered."""

from switchboard_agent.dialog.base import CallerTurn, Reply
from switchboard_agent.dialog.scripted import ScriptedDialog
from tests.agent.dialog.sample import sample_config

SILENCE = "(silence)"


class Conversation:
    """One call with the sample receptionist."""

    def __init__(self) -> None:
        self.dialog = ScriptedDialog(sample_config())
        self._commit(self.dialog.greeting())

    async def say(self, heard: str) -> Reply:
        """One turn: words, `keys:...`, or `SILENCE`; the reply is given."""
        if heard == SILENCE:
            reply = self.dialog.no_input()
        elif heard.startswith("keys:"):
            reply = await self.dialog.respond(CallerTurn("", heard.removeprefix("keys:")))
        else:
            reply = await self.dialog.respond(CallerTurn(heard))
        return self._commit(reply)

    def _commit(self, reply: Reply) -> Reply:
        self.dialog.commit(reply)
        return reply
