"""A language model that falls silent in the middle of an answer, and how long it is waited for."""

import pytest

from switchboard_agent.transport.loopback import LoopbackCaller
from tests.agent.llm.rig import FALLBACK, Worker, language_model, play, prompt_config
from tests.support.openai_server import OpenAiServer
from tests.support.speech_fakes import tone

ONE_CLAUSE_LONG = "Nobody here can tell you that before Monday. Call again."


async def asks(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(tone(1000))
    await caller.wait_for_agent()
    await caller.wait_for_silence(2.5)
    caller.hang_up()


@pytest.mark.parametrize(("silence", "goes_on"), [(2.0, True), (4.0, False)])
def test_a_model_that_stalls_has_time_while_its_last_clause_is_heard(
    silence: float, *, goes_on: bool
) -> None:
    """The clause is heard for 2.6 s. What comes within that is said, later than 1.2 s as it is."""
    server = OpenAiServer(reply=lambda _: ONE_CLAUSE_LONG, pauses={9: silence})

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url))
        served = await worker.call(config, ["are you open"], asks)
        first, rest = ONE_CLAUSE_LONG.split(". ")
        said = rest if goes_on else FALLBACK
        assert served.replies[1].heard == f"{first}. {said}"
        assert served.failures == ([] if goes_on else [("one", "broke_off")])

    play([server], scene)


def test_the_last_model_may_stall_before_its_first_clause_as_long_as_its_caller_waits() -> None:
    """Two words, then 1.3 s of nothing: too long for a model that another could stand in for."""
    server = OpenAiServer(reply=lambda _: "We are open today.", pauses={2: 1.3})
    other = OpenAiServer(reply=lambda _: "Yes, we are.")

    async def scene(worker: Worker) -> None:
        one, two = language_model("one", server.url), language_model("two", other.url)
        alone = await worker.call(prompt_config(one), ["are you open"], asks)
        assert alone.replies[1].text == "We are open today."
        assert alone.failures == []
        replaced = await worker.call(prompt_config(one, two), ["are you open"], asks)
        assert replaced.replies[1].text == "Yes, we are."
        assert replaced.failures == [("one", "broke_off")]

    play([server, other], scene)
