"""Agent revisions for tests that do not care what is said."""

from switchboard_contract.agent_config import AgentConfig, DispatchMetadata
from switchboard_contract.crd.turn import TurnSpec
from switchboard_contract.crd.voice_agent import Limits, Persona, SttSpec, TtsSpec
from switchboard_contract.dialog import Intent, Script

POOL = "smile-dental.reception"


def agent_config(
    *, name: str = "reception", greeting: str = "Hello.", concurrent_calls: int | None = None
) -> AgentConfig:
    """A small revision; another greeting makes another revision."""
    return AgentConfig(
        namespace="smile-dental",
        name=name,
        tenant="smile-dental",
        language="en-US",
        persona=Persona(name="Ann"),
        script=Script(
            greeting=greeting,
            intents=[Intent(name="bye", phrases=["bye bye"], hang_up=True)],
        ),
        stt=SttSpec(),
        tts=TtsSpec(),
        turn=TurnSpec(),
        limits=Limits(),
        tenant_concurrent_calls=concurrent_calls,
    )


def dispatch_metadata(config: AgentConfig) -> str:
    """What a dispatch rule would carry for this revision."""
    return DispatchMetadata(agent=config.key, revision=config.revision).model_dump_json()
