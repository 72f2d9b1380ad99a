"""Whatever caller and models do, a call ends once, tidied up, and knows only what was heard."""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switchboard_agent.transport.loopback import LoopbackCaller
from switchboard_contract.call_events import Outcome
from tests.agent.engine.test_any_caller import ACTS, Act
from tests.agent.llm.rig import Worker, language_model, play, prompt_config
from tests.support.openai_server import Fault, OpenAiServer

_REPLIES = st.sampled_from(
    [
        "Yes.",
        "We are open today, and tomorrow, too. Anything else? I am happy to help you with it.",
        "Goodbye then. [hang_up]",
        "[hang_up]",
        "word " * 60,
        "* **Bold**\n* # list",
    ]
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    acts=st.lists(ACTS, max_size=7),
    words=st.lists(st.sampled_from(["", "yes", "monday and", "please go on"]), max_size=6),
    replies=st.lists(_REPLIES, min_size=1, max_size=4),
    faults=st.lists(st.none() | st.sampled_from(Fault), min_size=1, max_size=4),
    token_seconds=st.sampled_from([0.0, 0.02, 0.4]),
)
def test_any_prompt_led_call_ends_once_and_remembers_what_was_heard(
    acts: list[Act],
    words: list[str | Exception],
    replies: list[str],
    faults: list[Fault | None],
    token_seconds: float,
) -> None:
    said = iter(replies * 100)
    servers = [OpenAiServer(reply=lambda _: next(said), token_seconds=token_seconds) for _ in "12"]
    troubles = iter(faults * 100)

    async def changing(server: OpenAiServer) -> None:
        while True:
            server.fault = next(troubles, None)
            await asyncio.sleep(3.0)

    async def script(caller: LoopbackCaller) -> None:
        for act in acts:
            await act(caller)
        await caller.wait_for_silence(30)
        caller.hang_up()

    async def scene(worker: Worker) -> None:
        first, second = servers
        config = prompt_config(language_model("a", first.url), language_model("b", second.url))
        trouble = asyncio.ensure_future(changing(first))
        served = await worker.call(config, words, script)
        trouble.cancel()
        assert served.outcome is not None
        assert served.ended.outcome is served.outcome
        assert served.outcome is not Outcome.FAILED
        assert all(reply.text.startswith(reply.heard) for reply in served.replies)
        heard = "\n".join(reply.heard for reply in served.replies if reply.heard)
        for question in (*first.questions, *second.questions):
            for message in question.conversation:
                if message["role"] == "assistant":
                    assert message["content"] in heard

    play(servers, scene)
