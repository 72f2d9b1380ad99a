"""A recorded caller, for trying an agent on a machine that has nothing but Python.

    conversation = load_conversation()          # books an appointment at the sample dental office
    for turn in conversation.turns:
        play(turn.pcm)                          # 16 kHz; turn.text says which words these are

Each folder holds `conversation.json` (texts, where speech begins and ends in each file, which turn
interrupts the agent, and what the agent should have learned at the end) and one WAV file per turn.
They were spoken by the free synthesiser flite, voice `slt`; `python -m
switchboard_agent.recordings.make` makes them again.
"""

from switchboard_agent.recordings.load import Conversation, RecordedTurn, load_conversation

__all__ = ["Conversation", "RecordedTurn", "load_conversation"]
