"""Taking a line away: no new call that Twilio brings is answered; live ones go on."""

from switchboard_operator.desired.names import line_name
from switchboard_operator.kube.kinds import CONFIG_MAP
from switchboard_operator.kube.objects import Object, name_of, namespace_of, owner_uid, uid_of
from switchboard_operator.reconcile.context import Context


async def withdraw(context: Context, agent: Object) -> None:
    """Delete the line of a VoiceAgent, if it has one."""
    line = context.store.get(CONFIG_MAP, namespace_of(agent), line_name(name_of(agent)))
    if line is not None and owner_uid(line) == uid_of(agent):
        await context.api.delete(CONFIG_MAP, line)
        context.store.remove(CONFIG_MAP, line)
