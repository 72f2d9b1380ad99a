"""A language model presses telephone keys, if it may, and knows afterwards which."""

import pytest

from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import KeysSent
from tests.agent.llm.rig import Worker, language_model, play, prompt_config
from tests.agent.llm.test_prompted_calls import (
    GREETING,
    says_one_thing,
    says_two_things,
    texts,
)
from tests.support.openai_server import OpenAiServer


def may_press(config: AgentConfig) -> AgentConfig:
    assert config.prompt is not None
    prompt = config.prompt.model_copy(update={"press_keys": True})
    return config.model_copy(update={"prompt": prompt})


@pytest.mark.parametrize(
    ("answer", "said"), [("Billing please. [keys 1w2#]", "Billing please."), ("[keys 1w2#]", "")]
)
def test_a_model_presses_keys_and_is_reminded_of_them(answer: str, said: str) -> None:
    answers = iter([answer, "Goodbye. [hang_up]"])
    server = OpenAiServer(reply=lambda _: next(answers))

    async def scene(worker: Worker) -> None:
        config = may_press(prompt_config(language_model("one", server.url)))
        served = await worker.call(config, ["press one for billing", "thank you"], says_two_things)
        assert texts(served) == [GREETING, said, "Goodbye."]
        (sent,) = [event for event in served.records.events if isinstance(event, KeysSent)]
        assert (sent.dtmf, sent.complete) == ("1w2#", True)

    play([server], scene)
    first, second = server.questions
    assert "[keys 12#]" in first.conversation[0]["content"]
    remembered = second.conversation[-2]
    assert remembered["role"] == "assistant"
    assert remembered["content"] == "\n".join(part for part in (said, "[keys 1w2#]") if part)


def test_a_model_that_may_not_press_keys_is_not_told_of_them() -> None:
    server = OpenAiServer()

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url))
        await worker.call(config, ["press one"], says_one_thing)
        assert "[keys" not in server.questions[0].body["messages"][0]["content"]

    play([server], scene)
