from switchboard_media import dtmf, rtp
from switchboard_media.rtp_stream import RtpSender


def sender(sequence: int = 10, timestamp: int = 1000) -> RtpSender:
    return RtpSender(ssrc=42, sequence=sequence, timestamp=timestamp)


def test_frames_count_on_and_only_the_first_is_marked() -> None:
    stream = sender()
    sent = [rtp.parse(stream.audio(b"x", payload_type=0, duration=160)) for _ in range(3)]
    assert [(p.sequence, p.timestamp, p.marker) for p in sent] == [
        (10, 1000, True),
        (11, 1160, False),
        (12, 1320, False),
    ]
    assert {(p.ssrc, p.payload_type) for p in sent} == {(42, 0)}
    assert (stream.packets, stream.payload_bytes) == (3, 3)


def test_numbers_wrap() -> None:
    stream = sender(sequence=65_535, timestamp=(1 << 32) - 160)
    first, second = (rtp.parse(stream.audio(b"x", payload_type=0, duration=160)) for _ in range(2))
    assert (first.sequence, first.timestamp) == (65_535, (1 << 32) - 160)
    assert (second.sequence, second.timestamp) == (0, 0)


def test_sound_after_silence_is_marked_and_time_has_passed() -> None:
    stream = sender()
    stream.audio(b"x", payload_type=0, duration=160)
    stream.silence(800)
    after = rtp.parse(stream.audio(b"x", payload_type=0, duration=160))
    assert (after.sequence, after.timestamp, after.marker) == (11, 1960, True)


def test_a_key_keeps_the_timestamp_of_its_start_and_time_goes_on() -> None:
    stream = sender()
    stream.audio(b"x", payload_type=0, duration=160)
    series = [
        rtp.parse(stream.event(p, payload_type=101)) for p in dtmf.key_press("1", duration=480)
    ]
    after = rtp.parse(stream.audio(b"x", payload_type=0, duration=160))
    assert {(p.timestamp, p.payload_type) for p in series} == {(1160, 101)}
    assert [p.sequence for p in series] == [11, 12, 13, 14, 15]
    assert [p.marker for p in series] == [True, False, False, False, False]
    assert (after.sequence, after.timestamp, after.marker) == (16, 1160 + 480, True)


def test_a_receiver_hears_what_a_sender_pressed() -> None:
    stream, receiver, heard = sender(), dtmf.DtmfReceiver(), ""
    for digit in "555-0100".replace("-", "*"):
        for packet in dtmf.key_press(digit):
            arrived = rtp.parse(stream.event(packet, payload_type=101))
            heard += receiver.receive(arrived.ssrc, arrived.timestamp, arrived.payload) or ""
        stream.silence(400)
    assert heard == "555*0100"
