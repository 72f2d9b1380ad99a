"""Who uses which model server: counted from the status of the VoiceAgents.

The status, not the spec: it says what is in force. An agent that was refused a change goes on with
what it had, one that was never accepted has nothing, and after a restart of the operator the count
is there again without anybody having to be looked at first.
"""

from collections import defaultdict

from pydantic import ValidationError

from switchboard_contract.crd.model_server import ModelServer
from switchboard_contract.crd.status import ModelServerStatus
from switchboard_operator.kube.objects import Object

AgentRef = tuple[str, str]
"""Namespace and name of a VoiceAgent."""


def in_force(agent: Object | None) -> list[ModelServerStatus]:
    """Return the servers that an agent uses, by its status; an entry we cannot read is left out."""
    entries = ((agent or {}).get("status") or {}).get("modelServers") or []
    found = []
    for entry in entries:
        try:
            found.append(ModelServerStatus.model_validate(entry))
        except ValidationError:
            continue
    return found


def merged(servers: list[ModelServerStatus]) -> dict[str, ModelServer]:
    """Return the asks by server; of two names for one server the larger numbers count."""
    asks: dict[str, ModelServer] = {}
    for server in servers:
        before = asks.get(server.server, server)
        most = max(before.most_replicas, server.most_replicas)
        larger = {"replicas": max(before.replicas, server.replicas), "max_replicas": most}
        asks[server.server] = server.model_copy(update=larger)
    return asks


def touched(old: Object | None, new: Object | None) -> set[str]:
    """Return the servers whose asks an agent's change changes."""
    before, now = merged(in_force(old)), merged(in_force(new))
    return {name for name in before.keys() | now.keys() if before.get(name) != now.get(name)}


class ModelAsks:
    """The asks of all agents, by server."""

    def __init__(self) -> None:
        self._by_agent: dict[AgentRef, dict[str, ModelServer]] = {}
        self._by_server: dict[str, dict[AgentRef, ModelServer]] = defaultdict(dict)

    def take(self, ref: AgentRef, agent: Object | None) -> set[str]:
        """Take in an agent as it is now (None: gone); return the servers whose asks changed."""
        before, now = self._by_agent.get(ref, {}), merged(in_force(agent))
        if before == now:
            return set()
        for server in before.keys() - now.keys():
            del self._by_server[server][ref]
            if not self._by_server[server]:
                del self._by_server[server]
        for server, ask in now.items():
            self._by_server[server][ref] = ask
        if now:
            self._by_agent[ref] = now
        else:
            del self._by_agent[ref]
        return {
            server for server in before.keys() | now.keys() if before.get(server) != now.get(server)
        }

    def servers(self) -> list[str]:
        """Return every server that somebody asks for."""
        return sorted(self._by_server)

    def agents(self, server: str) -> list[AgentRef]:
        """Return the agents that use a server."""
        return sorted(self._by_server.get(server, ()))

    def asks(self, server: str) -> list[ModelServer]:
        """Return what they ask for, in an order that does not depend on who came first."""
        return [ask for _, ask in sorted(self._by_server.get(server, {}).items())]
