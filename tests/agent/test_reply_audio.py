"""The audio of one reply in the making: order, second tries, and what is left of a failure."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pytest

from switchboard_agent.dialog.base import Reply
from switchboard_agent.reply_audio import ReplyAudio, SynthesisError
from switchboard_agent.speech_failure import SpeechFailure
from switchboard_agent.transport.base import FRAME_SAMPLES, SAMPLE_RATE_HZ, Pcm
from tests.support.speech_fakes import tone
from tests.support.virtual_time import run_virtual

Step = float | Pcm | Exception
"""Wait so many seconds, give audio, or fail."""

HANG = 3600.0


@dataclass
class Written:
    """Parts that are there at once."""

    texts: deque[str]
    closed: bool = False

    def heard_for(self, seconds: Callable[[], float]) -> None:
        """Nobody is waited for."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Reply:
        if not self.texts:
            raise StopAsyncIteration
        return Reply(self.texts.popleft())

    async def aclose(self) -> None:
        self.closed = True


@dataclass
class Studio:
    """A synthesiser with a script for each try at each text, and the reply made with it."""

    scripts: dict[str, list[list[Any]]] = field(default_factory=dict)
    tries: Counter[str] = field(default_factory=Counter)
    failures: list[SpeechFailure] = field(default_factory=list)
    open_streams: int = 0

    async def synthesize(self, text: str) -> AsyncIterator[Pcm]:
        at = self.tries[text]
        self.tries[text] += 1
        script = self.scripts.get(text, [])
        self.open_streams += 1
        try:
            for step in script[at] if at < len(script) else [tone(600)]:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float):
                    await asyncio.sleep(step)
                else:
                    yield step
        finally:
            self.open_streams -= 1

    def audio(self) -> ReplyAudio:
        """A reply in the making."""
        return ReplyAudio(
            self.synthesize, lambda: None, lambda failure, _: self.failures.append(failure)
        )

    def say(self, *texts: str, after: Callable[[ReplyAudio], None] | None = None) -> ReplyAudio:
        """Make a reply of these clauses, played from the first sample on; it, at its end."""

        async def main() -> ReplyAudio:
            audio = self.audio()
            first, *rest = texts
            more = Written(deque(rest))
            saying = asyncio.ensure_future(audio.say(Reply(first, more=more)))
            while not saying.done() or not audio.playback.finished:
                await asyncio.sleep(0.02)
                audio.next_frame()
                if saying.done() and saying.exception() is not None and not audio.playback.queued:
                    break
            if after is not None:
                after(audio)
            assert more.closed
            assert self.open_streams == 0
            await saying
            return audio

        return run_virtual(main())


def test_clauses_come_out_in_order_though_a_later_one_is_made_first() -> None:
    studio = Studio({"one": [[0.5, tone(100, 1000)]], "two": [[tone(100, 2000)]]})
    frames: list[Pcm] = []

    async def main() -> None:
        audio = studio.audio()
        await audio.say(Reply("one", more=Written(deque(["two"]))))
        while (frame := audio.next_frame()) is not None:
            frames.append(frame)

    run_virtual(main())
    loudest = [int(np.abs(frame).max()) for frame in frames]
    assert all(level <= 1000 for level in loudest[:5])
    assert all(level > 1000 for level in loudest[5:])


def test_a_single_clause_needs_no_task_of_its_own() -> None:
    async def main() -> None:
        made_in: list[object] = []

        async def synthesize(_: str) -> AsyncIterator[Pcm]:
            made_in.append(asyncio.current_task())
            yield tone(100)

        await ReplyAudio(synthesize, lambda: None, lambda *_: None).say(Reply("one"))
        assert made_in == [asyncio.current_task()]

    run_virtual(main())


def test_a_clause_that_dies_before_its_turn_is_made_again_and_nobody_notices() -> None:
    studio = Studio({"two": [[tone(100), OSError("cut")]]})
    audio = studio.say("one", "two", "three")
    assert audio.spoken.text == "one two three"
    assert audio.playback.played == 3 * 600 * SAMPLE_RATE_HZ // 1000
    assert studio.failures == [SpeechFailure.BROKE_OFF]
    assert audio.playback.underruns == 0


def test_a_clause_that_dies_before_it_is_heard_is_taken_back() -> None:
    studio = Studio({"one": [[tone(100), OSError("cut")]]})

    async def main() -> ReplyAudio:
        audio = studio.audio()
        await audio.say(Reply("one"))
        return audio

    audio = run_virtual(main())
    assert audio.spoken.text == "one"
    assert audio.playback.total == 600 * SAMPLE_RATE_HZ // 1000


def test_a_clause_that_dies_while_it_is_heard_is_said_again_from_its_beginning() -> None:
    text = "one two three four"
    studio = Studio({text: [[tone(500), 0.2, OSError("cut")]]})
    audio = studio.say(text, "five")
    assert audio.spoken.text == "one two one two three four five"
    assert audio.playback.played == (500 + 2 * 600) * SAMPLE_RATE_HZ // 1000


def test_a_clause_that_dies_twice_ends_the_reply_behind_what_was_said_of_it() -> None:
    text = "one two three four"
    studio = Studio({text: [[tone(500), 0.2, OSError("cut")], [OSError("cut")]]})
    heard: list[str] = []

    def after(audio: ReplyAudio) -> None:
        total = audio.playback.total
        heard.extend((audio.spoken.text, audio.spoken.heard(total, total)))

    with pytest.raises(SynthesisError):
        studio.say(text, "five", "six", after=after)
    assert heard == ["one two", "one two"]
    assert studio.failures == [SpeechFailure.BROKE_OFF, SpeechFailure.ERROR]


def test_what_comes_before_a_clause_that_fails_is_said_to_its_end() -> None:
    studio = Studio(
        {"two": [[OSError("cut")], [OSError("cut")]], "one": [[tone(200), 0.15, tone(900)]]}
    )
    said: list[int] = []
    with pytest.raises(SynthesisError):
        studio.say("one", "two", "three", after=lambda audio: said.append(audio.playback.played))
    assert said == [1100 * SAMPLE_RATE_HZ // 1000]


def test_a_first_clause_that_hangs_has_failed_after_a_second() -> None:
    studio = Studio({"one": [[HANG]]})

    async def main() -> None:
        with pytest.raises(SynthesisError):
            await studio.audio().say(Reply("one"))
        assert asyncio.get_running_loop().time() == pytest.approx(1.0)

    run_virtual(main())
    assert studio.tries["one"] == 1
    assert studio.failures == [SpeechFailure.SILENT]
    assert studio.open_streams == 0


def test_a_later_clause_that_hangs_is_asked_for_again_while_there_is_something_to_hear() -> None:
    studio = Studio({"one": [[tone(3000)]], "two": [[HANG]]})
    audio = studio.say("one", "two", "three")
    assert audio.spoken.text == "one two three"
    assert audio.playback.underruns == 0
    assert studio.tries["two"] == 2


def test_a_synthesiser_that_makes_one_clause_after_the_other_has_not_failed() -> None:
    """The second waits for the first to be made, not for an answer that never comes."""
    steps: list[Step] = [tone(1000), 0.9, tone(1000), 0.9, tone(1000)]
    studio = Studio({"one": [steps], "two": [[2.9, tone(500)]]})
    audio = studio.say("one", "two")
    assert studio.failures == []
    assert audio.playback.underruns == 0


def test_a_synthesiser_that_pauses_while_its_audio_is_played_has_not_failed() -> None:
    studio = Studio({"one": [[tone(3000), 3.5, tone(500)]]})
    audio = studio.say("one")
    assert studio.failures == []
    assert audio.playback.played == 3500 * SAMPLE_RATE_HZ // 1000


def test_a_synthesiser_that_hangs_in_the_middle_has_failed_a_second_after_its_last_sample() -> None:
    studio = Studio({"one": [[tone(600), HANG]]})
    ended: list[float] = []

    def after(_: ReplyAudio) -> None:
        ended.append(asyncio.get_running_loop().time())

    with pytest.raises(SynthesisError):
        studio.say("one", after=after)
    assert ended[0] == pytest.approx(0.6 + 1.0, abs=0.05)
    assert studio.failures == [SpeechFailure.SILENT]


@pytest.mark.parametrize(
    "garbage",
    [
        b"RIFF",
        "no audio",
        np.zeros(100, np.float32),
        np.zeros((100, 2), np.int16),
        *([steps] for steps in ([np.zeros(0, np.int16)] * 200, [tone(60_000)] * 9, [])),
    ],
    ids=["bytes", "text", "floats", "stereo", "empty chunks", "without end", "nothing"],
)
def test_garbage_is_told_as_such_and_not_played(garbage: Any) -> None:  # noqa: ANN401
    script = garbage[0] if isinstance(garbage, list) else [garbage]
    studio = Studio({"one": [script, script]})

    async def main() -> ReplyAudio:
        audio = studio.audio()
        with pytest.raises(SynthesisError):
            await audio.say(Reply("one"))
        return audio

    audio = run_virtual(main())
    assert studio.failures == [SpeechFailure.GARBAGE] * 2
    assert audio.playback.total == 0
    assert audio.spoken.text == ""


def test_clauses_without_sound_hold_nothing_up() -> None:
    studio = Studio(dict.fromkeys(("...", "--", "!"), [[]] * 3))
    audio = studio.say("...", "--", "!", "...", "one", "--", "!", "...", "two")
    assert audio.playback.played == 2 * 600 * SAMPLE_RATE_HZ // 1000
    assert studio.failures == []


class Unclosable:
    """A second of audio, and a connection that is gone when it is to be closed."""

    def __init__(self) -> None:
        self.chunks = [tone(1000)]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Pcm:
        if not self.chunks:
            raise StopAsyncIteration
        return self.chunks.pop()

    async def aclose(self) -> None:
        raise OSError("cut")


def test_a_stream_that_cannot_be_closed_has_still_given_its_audio() -> None:
    async def main() -> None:
        failures: list[SpeechFailure] = []
        audio = ReplyAudio(
            lambda _: Unclosable(), lambda: None, lambda failure, _: failures.append(failure)
        )
        await audio.say(Reply("one"))
        assert audio.playback.total == SAMPLE_RATE_HZ
        assert failures == [SpeechFailure.ERROR]

    run_virtual(main())


def test_an_excuse_follows_what_was_made_before_a_failure() -> None:
    studio = Studio({"two": [[OSError("cut")], [OSError("cut")]]})

    async def main() -> ReplyAudio:
        audio = studio.audio()
        with pytest.raises(SynthesisError):
            await audio.say(Reply("one", more=Written(deque(["two", "three"]))))
        await audio.say(Reply("sorry"))
        return audio

    audio = run_virtual(main())
    assert audio.spoken.text == "one sorry"
    assert audio.playback.complete
    assert audio.playback.total % FRAME_SAMPLES == 0
