"""A running call as another worker needs it."""

from switchboard_agent.call_log import CallLog
from switchboard_agent.clock import MS_PER_SECOND
from switchboard_agent.dialog.base import Dialog, Reply
from switchboard_agent.speaking import Speaking
from switchboard_agent.transport.base import CallInfo
from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.recovery import CallSnapshot

_AFTER_THE_LONGEST_CALL_SECONDS = 600


def snapshot_of(
    info: CallInfo, log: CallLog, dialog: Dialog, speaking: Speaking | None
) -> CallSnapshot:
    """What is known of the call now."""
    return CallSnapshot(
        call_id=info.call_id,
        job_id=info.job_id,
        channel=info.channel,
        direction=info.direction,
        room=info.room,
        dispatch=DispatchMetadata(agent=info.agent, revision=info.revision),
        caller=info.caller,
        called=info.called,
        test_id=info.test_id,
        started_unix_ms=log.started_unix_ms,
        turns=log.turns,
        saying="" if speaking is None else speaking.unheard,
        ending=speaking is not None and speaking.ending,
        transferring=speaking is not None and speaking.transferring,
        keys="" if speaking is None else speaking.keys,
        dialog=dialog.memory,
    )


def go_on(dialog: Dialog, snapshot: CallSnapshot) -> None:
    """Have a dialog begin where another worker was."""
    cut = Reply(
        snapshot.saying,
        end_call=snapshot.ending,
        transfer=snapshot.transferring,
        keys=snapshot.keys,
    )
    dialog.recall(snapshot.dialog, cut)


def keep_seconds(config: AgentConfig) -> float:
    """How long a snapshot may be of use: a lost call is ended long before."""
    return config.limits.max_call_seconds + _AFTER_THE_LONGEST_CALL_SECONDS


def left_ms(config: AgentConfig, log: CallLog) -> float:
    """How long the call may still last."""
    return max(0.0, config.limits.max_call_seconds * MS_PER_SECOND - log.spent_ms)
