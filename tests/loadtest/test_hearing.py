import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from switchboard_loadtest.datagrams import Datagram
from switchboard_loadtest.hearing import listen, sound
from switchboard_media import rtp
from switchboard_media.codec import G722, PCMU
from tests.loadtest.sounds import tone

_FROM, _TO = ("192.0.2.1", 4000), ("192.0.2.2", 5000)


def _stream(count: int, first: int = 65_530) -> list[Datagram]:
    """Loud G.722 packets, one each 20 ms, whose sequence numbers wrap."""
    payload = G722.make_encoder().encode(tone(20 * count))
    return [
        Datagram(
            at_ns=number * 20_000_000,
            source=_FROM,
            destination=_TO,
            data=rtp.serialize_plain(
                9,
                (first + number) & 0xFFFF,
                number * 160,
                1,
                payload[number * 160 : number * 160 + 160],
                marker=False,
            ),
        )
        for number in range(count)
    ]


def test_sequence_numbers_go_on_past_their_wrap() -> None:
    hearing = listen(_stream(20), G722)
    assert np.all(np.diff(hearing.sequence) == 1)
    assert hearing.stats.lost == 0
    assert hearing.stats.jitter_ms < 0.01
    assert hearing.voiced.all()


def test_lost_packets_are_counted() -> None:
    packets = _stream(20)
    del packets[4], packets[9]
    assert listen(packets, G722).stats.lost == 2


def test_reordered_and_doubled_packets_are_put_right() -> None:
    packets = _stream(20)
    packets[3], packets[4] = packets[4], packets[3]
    hearing = listen([*packets, packets[-1]], G722)
    assert np.all(np.diff(hearing.timestamp) == 160)
    assert len(hearing.frames) == 20


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_garbage_is_counted_and_never_raises(garbage: list[bytes]) -> None:
    datagrams = [Datagram(0, _FROM, _TO, data) for data in garbage]
    hearing = listen(datagrams, PCMU)
    assert hearing.malformed + len(hearing.frames) <= len(garbage)


def test_sound_keeps_gaps_where_the_caller_heard_them() -> None:
    packets = _stream(20)
    late = [
        Datagram(p.at_ns + 200_000_000 * (number >= 10), p.source, p.destination, p.data)
        for number, p in enumerate(packets)
    ]
    line = sound(listen(late, G722), 0, 600)
    levels = np.abs(line.reshape(-1, 320).astype(np.int32)).max(axis=1)
    assert levels[1:10].min() > 1000
    assert levels[10:20].max() == 0
    assert levels[20:30].min() > 1000


def test_sound_hides_what_a_small_jitter_buffer_hides() -> None:
    packets = [
        Datagram(p.at_ns + 15_000_000 * (number % 2), p.source, p.destination, p.data)
        for number, p in enumerate(_stream(20))
    ]
    line = sound(listen(packets, G722), 0, 400)
    assert np.abs(line.reshape(-1, 320)[1:].astype(np.int32)).max(axis=1).min() > 1000
