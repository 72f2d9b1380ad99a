"""Events come out whole, wherever the stream was cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.llm.sse import MAX_EVENT_BYTES, SseDecoder, SseError

_TEXT = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)
_END = st.sampled_from(["\n", "\r\n", "\r"])
_COMMENT = st.builds("{}{}".format, st.just(": keep-alive"), _END)


@st.composite
def _streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream, and the data of its events."""
    stream, events = draw(st.sampled_from(["", "\ufeff"])), list[bytes]()
    for _ in range(draw(st.integers(0, 5))):
        end = draw(_END)
        lines = draw(st.lists(_TEXT, min_size=1, max_size=3))
        stream += draw(
            st.sampled_from(["", "event: x" + end, ": ping" + end, end, "data_: y" + end])
        )
        for line in lines:
            stream += draw(st.sampled_from(["data: ", "data:"] if line[:1] != " " else ["data: "]))
            stream += line + end
        stream += end
        events.append("\n".join(lines).encode())
    stream += draw(st.sampled_from(["", "data: not ended", "da"]))
    return stream.encode(), events


@given(_streams(), st.lists(st.integers(0, 400), max_size=8))
def test_any_cut_gives_the_same_events(
    stream: tuple[bytes, list[bytes]], places: list[int]
) -> None:
    sent, events = stream
    cuts = sorted({min(place, len(sent)) for place in places})
    decoder = SseDecoder()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
        found += decoder.feed(sent[start:end])
    assert found == events


@given(_streams())
def test_byte_by_byte_gives_the_same_events(stream: tuple[bytes, list[bytes]]) -> None:
    sent, events = stream
    decoder = SseDecoder()
    assert [e for byte in sent for e in decoder.feed(bytes([byte]))] == events


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_noise_is_no_error_and_takes_no_memory(noise: list[bytes]) -> None:
    decoder = SseDecoder()
    for chunk in noise:
        decoder.feed(chunk)
    assert decoder._size + len(decoder._line) <= sum(map(len, noise))


@pytest.mark.parametrize(
    "chunk", [b"x" * 5000, b"data: " + b"x" * 5000 + b"\n"], ids=["one line", "many lines"]
)
def test_an_event_without_end_is_refused(chunk: bytes) -> None:
    decoder = SseDecoder()
    chunks = [chunk] * (2 * MAX_EVENT_BYTES // len(chunk))
    with pytest.raises(SseError):
        all(decoder.feed(part) == [] for part in chunks)
