"""A caller and a language model, through the whole engine: what is heard, asked and remembered."""

import asyncio

import pytest

from switchboard_agent.transport.loopback import LoopbackCaller
from switchboard_contract.call_events import Outcome
from switchboard_contract.crd.transfer import Transfer
from tests.agent.llm.rig import FALLBACK, Served, Worker, language_model, play, prompt_config
from tests.support.openai_server import Conversation, Fault, OpenAiServer
from tests.support.speech_fakes import tone

GREETING = "This is Ann of Smile Dental."


async def says_two_things(caller: LoopbackCaller) -> None:
    for _ in range(2):
        await caller.wait_for_silence(0.5)
        await caller.say(tone(1000))
        await caller.wait_for_agent()
    await caller.wait_for_silence(60)


async def says_one_thing(caller: LoopbackCaller) -> None:
    await caller.wait_for_silence(0.5)
    await caller.say(tone(1000))
    await caller.wait_for_agent()
    await caller.wait_for_silence(1.0)
    caller.hang_up()


def texts(served: Served) -> list[str]:
    return [reply.text for reply in served.replies]


def test_a_caller_is_greeted_answered_and_bidden_goodbye() -> None:
    server = OpenAiServer()

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url))
        served = await worker.call(config, ["are you open", "goodbye"], says_two_things)
        assert texts(served) == [
            GREETING,
            "You said: are you open. What else can I do for you?",
            "Thank you for calling, goodbye.",
        ]
        assert served.outcome is Outcome.COMPLETED
        assert worker.count("switchboard_llm_first_token_seconds_count", provider="one") == 2
        assert worker.count("switchboard_llm_tokens_total", provider="one", kind="completion") > 5
        assert len(server.connections) == 1, "the connection is kept between turns"

    play([server], scene)
    first, last = server.questions
    assert first.conversation[0]["role"] == "system"
    assert first.conversation[0]["content"].startswith("Help the callers of Smile Dental.")
    assert [message["role"] for message in last.conversation] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert last.conversation[2]["content"] == GREETING
    assert last.conversation[3]["content"] == "are you open"
    assert last.conversation[5]["content"] == "goodbye"
    assert first.body["stream"] is True
    assert first.body["max_tokens"] == 100


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("I will find somebody. [transfer]", "I will find somebody."),
        ("[transfer]", "One moment, I will put you through."),
    ],
)
def test_a_model_puts_a_caller_through(answer: str, said: str) -> None:
    server = OpenAiServer(reply=lambda _: answer)

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url))
        config = config.model_copy(update={"transfer": Transfer(to="sip:desk@example.com")})
        served = await worker.call(config, ["a human please"], says_one_thing)
        assert texts(served) == [GREETING, said]
        assert served.outcome is Outcome.TRANSFERRED
        assert served.transport.transfers == ["sip:desk@example.com"]
        assert "[transfer]" in server.questions[0].body["messages"][0]["content"]

    play([server], scene)


def test_a_model_that_may_not_transfer_is_not_told_of_it() -> None:
    server = OpenAiServer()

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url))
        await worker.call(config, ["a human please"], says_one_thing)
        assert "[transfer]" not in server.questions[0].body["messages"][0]["content"]

    play([server], scene)


def test_the_first_clause_is_heard_while_the_rest_is_being_written() -> None:
    """Ten words at a fifth of a second each: the first clause is heard before the last word."""
    server = OpenAiServer(
        reply=lambda _: "Yes, we are open today. We close at five, come and see us.",
        token_seconds=0.2,
    )

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url))
        served = await worker.call(config, ["are you open"], says_one_thing)
        assert worker.tts.spoken[1:] == [
            "Yes, we are open today.",
            "We close at five,",
            "come and see us.",
        ]
        reply = served.replies[1]
        assert reply.heard == "Yes, we are open today. We close at five, come and see us."
        assert reply.turn_latency_ms is not None
        assert reply.turn_latency_ms < 300 + 1000 + 80 + 150
        page = worker.telemetry.registry
        assert page.get_sample_value("switchboard_playback_underruns_total") == 0

    play([server], scene)


def test_a_reply_pauses_for_its_next_clause_and_then_goes_on() -> None:
    server = OpenAiServer(
        reply=lambda _: "One moment. Nine words come late after a long silence.", token_seconds=0.8
    )

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url, firstTokenTimeoutMs=2000))
        served = await worker.call(config, ["look it up"], says_one_more)
        assert served.replies[1].heard == "One moment. Nine words come late after a long silence."
        assert not served.replies[1].interrupted
        page = worker.telemetry.registry
        assert page.get_sample_value("switchboard_playback_underruns_total") == 0

    async def says_one_more(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(1000))
        await caller.wait_for_agent()
        await caller.wait_for_silence(7.5)
        caller.hang_up()

    play([server], scene)


def test_history_keeps_only_what_was_heard_of_an_interrupted_reply() -> None:
    long = "We have many rooms for you. " + "And every room has a very nice view of the sea. " * 6
    answers = iter([long, "All right."])
    server = OpenAiServer(reply=lambda _: next(answers), token_seconds=0.03)

    async def interrupts(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(1000))
        await caller.wait_for_agent()
        await asyncio.sleep(2.5)
        await caller.say(tone(1000))
        await caller.wait_for_agent()
        await caller.wait_for_silence(1.0)
        caller.hang_up()

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url))
        served = await worker.call(config, ["what rooms", "stop"], interrupts)
        cut = served.replies[1]
        assert cut.interrupted
        assert 5 <= len(cut.heard.split()) < 12
        assert long.startswith(cut.heard)
        remembered = server.questions[-1].conversation
        assert remembered[-2:] == [
            {"role": "assistant", "content": cut.heard},
            {"role": "user", "content": "stop"},
        ]

    play([server], scene)


def test_an_interruption_ends_the_models_work_at_once() -> None:
    server = OpenAiServer(
        reply=lambda _: "I say. " + "a word, and another word. " * 200, token_seconds=0.05
    )

    async def interrupts(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(1000))
        await caller.wait_for_agent()
        assert server.answering == 1
        await asyncio.sleep(1.0)
        await caller.say(tone(1000))
        await asyncio.sleep(0.1)
        assert server.answering == 0
        caller.hang_up()

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url))
        served = await worker.call(config, ["tell me"], interrupts)
        assert served.outcome is Outcome.CALLER_HUNG_UP
        assert server.broken_off == 1

    play([server], scene)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_ends_in_words_in_time_and_disturbs_no_other_call(fault: Fault) -> None:
    """1.5 s after the models were asked, plus endpointing and synthesis, something is heard."""
    broken, sound = OpenAiServer(fault=fault), OpenAiServer()

    async def scene(worker: Worker) -> None:
        bad = prompt_config(language_model("bad", broken.url))
        good = prompt_config(language_model("good", sound.url))
        served, other = await asyncio.gather(
            worker.call(bad, ["are you open"], says_one_thing),
            worker.call(good, ["are you open"], says_one_thing),
        )
        reply = served.replies[1]
        assert reply.text.endswith(FALLBACK)
        assert reply.turn_latency_ms is not None
        assert reply.turn_latency_ms <= 300 + 1500 + 80 + 100
        assert reply.heard == reply.text
        assert other.replies[1].text == "You said: are you open. What else can I do for you?"
        assert other.replies[1].turn_latency_ms is not None
        assert other.replies[1].turn_latency_ms < 500

    play([broken, sound], scene)


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_is_made_good_by_the_next_provider(fault: Fault) -> None:
    broken, sound = OpenAiServer(fault=fault), OpenAiServer()

    async def scene(worker: Worker) -> None:
        config = prompt_config(
            language_model("first", broken.url), language_model("second", sound.url)
        )
        served = await worker.call(config, ["are you open"], says_one_thing)
        reply = served.replies[1]
        assert reply.text.startswith("You said: are you open.")
        assert reply.turn_latency_ms is not None
        assert reply.turn_latency_ms <= 300 + 1500 + 80 + 100
        assert {provider for provider, _ in served.failures} == {"first"}
        if not reply.text.endswith(FALLBACK):
            assert reply.text == "You said: are you open. What else can I do for you?"

    play([broken, sound], scene)


def test_a_provider_that_is_gone_is_named_unreachable() -> None:
    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("gone", "http://127.0.0.1:1/v1"))
        served = await worker.call(config, ["are you open"], says_one_thing)
        assert texts(served) == [GREETING, FALLBACK]
        labels = {"provider": "gone", "reason": "unreachable"}
        assert worker.count("switchboard_llm_failures_total", **labels) == 1
        assert worker.count("switchboard_llm_fallbacks_total") == 1

    play([], scene)


def test_after_some_failures_other_calls_do_not_wait_for_a_silent_provider() -> None:
    silent, sound = OpenAiServer(fault=Fault.SILENT), OpenAiServer()

    async def scene(worker: Worker) -> None:
        config = prompt_config(
            language_model("silent", silent.url), language_model("sound", sound.url)
        )

        async def one_of_many(number: int) -> float:
            await asyncio.sleep(0.8 * number)
            served = await worker.call(config, ["are you open"], says_one_thing)
            assert served.failures == [("silent", "silent" if number < 3 else "skipped")]
            assert served.replies[1].turn_latency_ms is not None
            return served.replies[1].turn_latency_ms

        latencies = await asyncio.gather(*(one_of_many(number) for number in range(7)))
        failures = "switchboard_llm_failures_total"
        assert worker.count(failures, provider="silent", reason="silent") == 3
        assert worker.count(failures, provider="silent", reason="skipped") == 4
        assert all(latency > 700 for latency in latencies[:3])
        assert all(latency < 500 for latency in latencies[3:])

    play([silent, sound], scene)


def test_three_answers_that_fail_in_a_row_end_the_call() -> None:
    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("gone", "http://127.0.0.1:1/v1"))
        served = await worker.call(config, ["a", "b", "c"], says_three_things)
        assert texts(served)[1:3] == [FALLBACK, FALLBACK]
        assert texts(served)[3].endswith("Goodbye.")
        assert served.outcome is Outcome.COMPLETED

    async def says_three_things(caller: LoopbackCaller) -> None:
        for _ in range(3):
            await caller.wait_for_silence(0.5)
            await caller.say(tone(1000))
            await caller.wait_for_agent()
        await caller.wait_for_silence(60)

    play([], scene)


def test_a_silent_caller_is_asked_and_then_let_go_without_a_model() -> None:
    server = OpenAiServer()

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url))

        async def says_nothing(caller: LoopbackCaller) -> None:
            await caller.wait_for_silence(1000)

        served = await worker.call(config, [], says_nothing)
        assert texts(served)[1:] == ["Are you still there?", "Are you still there?", "Goodbye."]
        assert served.outcome is Outcome.NO_INPUT
        assert server.questions == []

    play([server], scene)


def test_keys_are_told_to_the_model() -> None:
    server = OpenAiServer(reply=lambda _: "Thank you.")

    async def presses(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        for digit in "55#":
            caller.press(digit)
        await caller.wait_for_agent()
        caller.hang_up()

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url))
        await worker.call(config, [], presses)

    play([server], scene)
    asked = server.questions[0].conversation[-1]["content"]
    assert asked == "(The caller pressed 5 5 on the telephone.)"


def test_a_model_that_only_hangs_up_says_goodbye() -> None:
    server = OpenAiServer(reply=lambda _: "[HANG UP]")

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url))
        served = await worker.call(config, ["bye"], says_one_thing_and_waits)
        assert texts(served)[1] == "Goodbye."
        assert served.outcome is Outcome.COMPLETED

    async def says_one_thing_and_waits(caller: LoopbackCaller) -> None:
        await caller.wait_for_silence(0.5)
        await caller.say(tone(1000))
        await caller.wait_for_silence(60)

    play([server], scene)


def test_words_that_are_there_are_said_when_a_clause_does_not_come() -> None:
    def slow_words(_: Conversation) -> str:
        return "I will have to look into that matter for you because it is rather special"

    server = OpenAiServer(reply=slow_words, first_token_seconds=0.5, token_seconds=0.3)

    async def scene(worker: Worker) -> None:
        config = prompt_config(language_model("one", server.url))
        served = await worker.call(config, ["a question"], says_one_thing)
        reply = served.replies[1]
        assert worker.tts.spoken[1] == "I will have"
        assert reply.turn_latency_ms is not None
        assert reply.turn_latency_ms <= 300 + 1500 + 80 + 100

    play([server], scene)
