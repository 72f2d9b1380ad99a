"""A call that is over has no stream of a provider open, whatever closing them took."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from switchboard_agent.dialog.base import Reply
from switchboard_agent.dialog.prompted import PromptedDialog
from switchboard_agent.engine import Engine
from switchboard_agent.llm.base import Failure, LanguageModelError, Message, Usage
from switchboard_agent.llm.breaker import Breaker
from switchboard_agent.llm.chain import Link, LlmChain
from switchboard_agent.llm.meter import Meter
from switchboard_agent.records.memory import MemoryRecorder
from switchboard_agent.stt.base import SpeechStream, Transcript
from switchboard_agent.telemetry import Telemetry
from switchboard_agent.transport.base import CallInfo, Pcm
from switchboard_agent.transport.loopback import LoopbackCaller, LoopbackTransport
from switchboard_contract.agent_config import AgentConfig
from switchboard_contract.call_events import CallEnded, Outcome, ReplySpoken
from switchboard_contract.crd.turn import TurnSpec
from switchboard_contract.crd.voice_agent import Limits, TtsSpec
from tests.agent.engine.calls import Call, agent_config
from tests.agent.engine.test_any_caller import ACTS, WORDS, Act, says, waits
from tests.agent.llm.rig import language_model, prompt_config
from tests.support.speech_fakes import LoudnessVad, ScriptedAnswers, ScriptedStt, ScriptedTts
from tests.support.virtual_time import run_virtual

PARTS = ("stt", "llm", "tts")
FOREVER = 3600.0


@dataclass
class Door:
    """How the streams of one provider close: the next ones hang, once each."""

    hangs: list[bool] = field(default_factory=list)
    open: int = 0

    async def shut(self, *, again: bool) -> None:
        if not again and self.hangs and self.hangs.pop(0):
            await asyncio.sleep(FOREVER)
        self.open -= 1


@dataclass
class Stuck:
    """Closes through a door."""

    door: Door
    tried: bool = False
    closed: bool = False

    def __post_init__(self) -> None:
        self.door.open += 1

    async def aclose(self) -> None:
        if self.closed:
            return
        again, self.tried = self.tried, True
        await self.door.shut(again=again)
        self.closed = True


class StuckRecogniser(Stuck):
    def __init__(self, door: Door, stream: SpeechStream) -> None:
        super().__init__(door)
        self.start_utterance = stream.start_utterance
        self.feed = stream.feed
        self.end_utterance = stream.end_utterance


class StuckAudio(Stuck):
    def __init__(self, door: Door, chunks: AsyncIterator[Pcm]) -> None:
        super().__init__(door)
        self.chunks = chunks

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Pcm:
        return await anext(self.chunks)


class StuckText(Stuck):
    usage: Usage | None = None

    def __init__(self, door: Door, pieces: list[str]) -> None:
        super().__init__(door)
        self.pieces = pieces

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        await asyncio.sleep(0.05)
        if not self.pieces:
            raise StopAsyncIteration
        piece = self.pieces.pop(0)
        if not piece:
            raise LanguageModelError(Failure.BROKE_OFF)
        return piece


@dataclass
class StuckStt(ScriptedStt):
    door: Door = field(default_factory=Door)

    @override
    def open(self, config: AgentConfig, on_partial: Callable[[Transcript], None]) -> SpeechStream:
        return StuckRecogniser(self.door, super().open(config, on_partial))


@dataclass
class StuckTts(ScriptedTts):
    door: Door = field(default_factory=Door)

    @override
    def synthesize(self, text: str, spec: TtsSpec) -> AsyncIterator[Pcm]:
        return StuckAudio(self.door, super().synthesize(text, spec))


@dataclass
class StuckModel:
    door: Door
    answers: list[list[str]]

    async def ask(self, messages: Sequence[Message]) -> StuckText:
        assert messages
        pieces = self.answers.pop(0) if self.answers else ["All right. ", "Anything else?"]
        return StuckText(self.door, pieces)


@dataclass
class Scene:
    """One call led by a model; every provider closes through a door."""

    hangs: dict[str, list[bool]] = field(default_factory=dict)
    words: list[str | Exception] = field(default_factory=list)
    answers: list[list[str]] = field(default_factory=list)
    records: MemoryRecorder = field(default_factory=MemoryRecorder)
    telemetry: Telemetry = field(default_factory=Telemetry)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.doors = {part: Door(list(self.hangs.get(part, []))) for part in PARTS}

    def play(self, acts: list[Act]) -> "Scene":
        run_virtual(self._run(acts))
        return self

    def left_open(self, part: str) -> float:
        labels = {"tenant": "clinic", "agent": "clinic/desk", "part": part}
        found = self.telemetry.registry.get_sample_value(
            "switchboard_streams_left_open_total", labels
        )
        return found or 0.0

    @property
    def open(self) -> dict[str, int]:
        return {part: door.open for part, door in self.doors.items()}

    @property
    def heard(self) -> list[str]:
        return [event.heard for event in self.records.events if isinstance(event, ReplySpoken)]

    def _dialog(self, config: AgentConfig) -> PromptedDialog:
        assert config.prompt is not None
        model = StuckModel(self.doors["llm"], self.answers)
        meter = Meter(self.telemetry, config.tenant, config.key, "own")
        chain = LlmChain([Link("own", model, Breaker(), 0.7, meter)])
        return PromptedDialog(config.prompt, config.persona, chain, lambda: None)

    async def _run(self, acts: list[Act]) -> None:
        config = prompt_config(language_model("own", "http://localhost")).model_copy(
            update={"turn": TurnSpec(no_input_seconds=4), "limits": Limits(max_call_seconds=60)}
        )
        engine = Engine(
            stt=StuckStt(self.words, door=self.doors["stt"]),
            tts=StuckTts(door=self.doors["tts"]),
            make_dialog=self._dialog,
            records=self.records,
            telemetry=self.telemetry,
            vad=LoudnessVad(),
            vad_in_thread=False,
        )
        async with engine:
            transport = LoopbackTransport(CallInfo("call", config.key, config.revision))
            caller = LoopbackCaller(transport)
            tasks = [asyncio.ensure_future(work) for work in (caller.run(), _act(caller, acts))]
            await engine.run_call(config, transport)
            self.seconds = asyncio.get_running_loop().time()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _act(caller: LoopbackCaller, acts: list[Act]) -> None:
    for act in acts:
        await act(caller)
    with suppress(TimeoutError):
        async with asyncio.timeout(30):
            await caller.wait_for_silence(3)
    caller.hang_up()


TWO_TURNS = [waits(2500), says(1000), waits(3500), says(1000), waits(3500)]


def test_streams_that_close_are_not_reported() -> None:
    scene = Scene(words=["hello", "and you"]).play(TWO_TURNS)
    assert scene.heard[1:3] == ["All right. Anything else?"] * 2
    assert scene.open == dict.fromkeys(PARTS, 0)
    assert [scene.left_open(part) for part in PARTS] == [0, 0, 0]


def test_streams_whose_close_hangs_delay_nothing_and_are_closed_with_the_call() -> None:
    hangs = {part: [True] * 20 for part in PARTS}
    sound = Scene(words=["hello", "and you"]).play(TWO_TURNS)
    scene = Scene(hangs, words=["hello", "and you"]).play(TWO_TURNS)
    assert scene.heard == sound.heard
    assert scene.open == dict.fromkeys(PARTS, 0)
    assert all(scene.left_open(part) for part in PARTS)
    assert scene.seconds <= sound.seconds + 2
    (ended,) = [event for event in scene.records.events if isinstance(event, CallEnded)]
    assert ended.outcome is Outcome.CALLER_HUNG_UP


def test_a_broken_recogniser_that_is_being_closed_at_the_hang_up_is_closed_all_the_same() -> None:
    hangs = {"stt": [True]}
    acts = [waits(3000), says(1000), waits(400)]
    scene = Scene(hangs, words=[RuntimeError("scripted")]).play(acts)
    assert scene.open == dict.fromkeys(PARTS, 0)
    assert scene.left_open("stt") == 1


def test_the_caller_is_let_go_before_a_recogniser_that_does_not_close() -> None:
    released: list[int] = []

    class Wire(LoopbackTransport):
        @override
        async def hang_up(self) -> None:
            released.append(stt.door.open)
            await super().hang_up()

    stt = StuckStt(["bye"], door=Door([True]))
    call = Call(dialog=ScriptedAnswers([Reply("x", end_call=True)]), stt=stt, make_transport=Wire)
    call.config = agent_config()

    async def script(caller: LoopbackCaller) -> None:
        for act in (waits(2000), says(500)):
            await act(caller)

    call.play(script)
    assert released == [1]
    assert stt.door.open == 0


HANGS = st.lists(st.booleans(), max_size=5)
PIECES = st.lists(st.sampled_from(["Well. ", "I see, ", "one two three. ", ""]), max_size=4)


@settings(max_examples=40, deadline=None)
@given(
    acts=st.lists(ACTS, max_size=7),
    words=st.lists(WORDS, max_size=6),
    answers=st.lists(PIECES, max_size=4),
    hangs=st.fixed_dictionaries(dict.fromkeys(PARTS, HANGS)),
)
def test_no_call_leaves_a_stream_open(
    acts: list[Act],
    words: list[str | Exception],
    answers: list[list[str]],
    hangs: dict[str, list[bool]],
) -> None:
    scene = Scene(hangs, words, answers).play(acts)
    assert scene.open == dict.fromkeys(PARTS, 0)
    for part in PARTS:
        assert scene.left_open(part) <= sum(hangs[part])
