import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media import dtmf
from switchboard_media.dtmf import DtmfReceiver, TelephoneEvent
from switchboard_media.errors import MalformedPacket
from tests.media.strategies import survives, uint16, uint32

events = st.builds(
    TelephoneEvent,
    code=st.integers(0, 255),
    end=st.booleans(),
    duration=uint16,
    volume=st.integers(0, 63),
)
keys = st.sampled_from(dtmf.KEYS)


def test_the_example_of_rfc_4733_is_read() -> None:
    """Table 5 of section 5: digit 9, 7 dBm0 below the reference, 200 ms, ended."""
    assert dtmf.parse(bytes.fromhex("09870640")) == TelephoneEvent(
        code=9, end=True, duration=1600, volume=7
    )


@given(events)
def test_events_round_trip(event: TelephoneEvent) -> None:
    assert dtmf.parse(dtmf.serialize(event)) == event


@given(st.binary(max_size=12))
def test_any_bytes_are_an_event_or_the_documented_error(payload: bytes) -> None:
    assert survives(dtmf.parse, payload, MalformedPacket) == (len(payload) in {4, 8, 12})


def test_a_key_press_grows_ends_three_times_and_marks_its_first_packet() -> None:
    series = dtmf.key_press("5", duration=640, step=160)
    shown = [
        (e.code, e.end, e.duration, p.marker, p.advance)
        for p in series
        for e in [dtmf.parse(p.payload)]
    ]
    assert shown == [
        (5, False, 160, True, 160),
        (5, False, 320, False, 160),
        (5, False, 480, False, 160),
        (5, True, 640, False, 0),
        (5, True, 640, False, 0),
        (5, True, 640, False, 160),
    ]


@given(keys, st.integers(1, 4000), st.integers(1, 800))
def test_every_series_marks_one_packet_and_takes_its_duration(
    key: str, duration: int, step: int
) -> None:
    series = dtmf.key_press(key, duration=max(duration, step), step=step)
    assert [p.marker for p in series] == [True] + [False] * (len(series) - 1)
    assert sum(p.advance for p in series) == max(duration, step)
    assert [dtmf.parse(p.payload).end for p in series][-3:] == [True] * 3


@pytest.mark.parametrize("key", ["", "E", "12", "é"])
def test_keys_that_no_telephone_has_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="keys are"):
        dtmf.key_press(key)


@pytest.mark.parametrize(("duration", "step"), [(100, 160), (70_000, 160), (160, 0)])
def test_impossible_durations_are_refused(duration: int, step: int) -> None:
    with pytest.raises(ValueError, match="step"):
        dtmf.key_press("1", duration=duration, step=step)


@given(st.text(dtmf.KEYS, max_size=12), st.randoms(use_true_random=False))
def test_torn_doubled_and_swapped_series_yield_each_key_once(digits: str, chance: object) -> None:
    """Whatever single packet of a series survives, in whatever order, the key is heard once."""
    random = chance
    receiver, heard = DtmfReceiver(), ""
    for number, digit in enumerate(digits):
        timestamp = (0xFFFF_F000 + 3200 * number) % (1 << 32)
        packets = list(dtmf.key_press(digit)) * 2
        random.shuffle(packets)  # type: ignore[attr-defined]
        survivors = packets[: random.randint(1, len(packets))]  # type: ignore[attr-defined]
        heard += "".join(receiver.receive(1, timestamp, p.payload) or "" for p in survivors)
    assert heard == digits


def test_the_key_is_told_at_its_first_packet() -> None:
    first, *others = dtmf.key_press("#")
    receiver = DtmfReceiver()
    assert receiver.receive(1, 0, first.payload) == "#"
    assert [receiver.receive(1, 0, p.payload) for p in others] == [None] * len(others)


def test_a_late_packet_of_an_old_key_is_not_a_new_key() -> None:
    receiver = DtmfReceiver()
    one, two = dtmf.key_press("1"), dtmf.key_press("2")
    assert receiver.receive(1, 0, one[0].payload) == "1"
    assert receiver.receive(1, 3200, two[0].payload) == "2"
    assert receiver.receive(1, 0, one[-1].payload) is None


def test_the_same_key_twice_is_two_keys() -> None:
    receiver = DtmfReceiver()
    heard = [receiver.receive(1, ts, p.payload) for ts in (0, 3200) for p in dtmf.key_press("7")]
    assert [key for key in heard if key] == ["7", "7"]


def test_a_key_held_beyond_the_longest_duration_stays_one_key() -> None:
    """RFC 4733 2.5.1.3: the event goes on in a segment that starts where the last one ended."""
    held = TelephoneEvent(code=1, end=False, duration=0xFFFF)
    receiver = DtmfReceiver()
    assert receiver.receive(1, 100, dtmf.serialize(held)) == "1"
    assert receiver.receive(1, 100 + 0xFFFF, dtmf.serialize(held)) is None
    ended = TelephoneEvent(code=1, end=True, duration=80)
    assert receiver.receive(1, 100 + 2 * 0xFFFF, dtmf.serialize(ended)) is None
    assert receiver.receive(1, 100 + 3 * 0xFFFF, dtmf.serialize(ended)) == "1"


def test_events_that_are_no_keys_are_heard_as_nothing() -> None:
    flash = TelephoneEvent(code=16, end=True, duration=400)
    assert DtmfReceiver().receive(1, 0, dtmf.serialize(flash)) is None


@given(st.lists(st.tuples(uint32, uint32, st.binary(max_size=8)), max_size=30))
def test_any_packets_yield_keys_or_the_documented_error(
    packets: list[tuple[int, int, bytes]],
) -> None:
    receiver = DtmfReceiver()
    for ssrc, timestamp, payload in packets:

        def receive(data: bytes, ssrc: int = ssrc, timestamp: int = timestamp) -> None:
            assert receiver.receive(ssrc, timestamp, data) in {None, *dtmf.KEYS}

        survives(receive, payload, MalformedPacket)
