import wave
from dataclasses import replace
from pathlib import Path

import numpy as np

from switchboard_loadtest.caller_speech import CallerTrack
from switchboard_loadtest.datagrams import Datagram
from switchboard_loadtest.hearing import listen
from switchboard_loadtest.wav import stereo, write
from switchboard_media import rtp
from switchboard_media.codec import PCMU
from tests.loadtest.results import ANSWERED_NS, SCRIPT, leg, view
from tests.loadtest.sounds import tone


def test_both_sides_stand_at_their_times(tmp_path: Path) -> None:
    payload = PCMU.make_encoder().encode(tone(1000)[::2])
    heard = [
        Datagram(
            ANSWERED_NS + 2_000_000_000 + number * 20_000_000,
            ("192.0.2.2", 7000),
            ("192.0.2.1", 5000),
            rtp.serialize_plain(
                0, number, number * 160, 1, payload[number * 160 :][:160], marker=False
            ),
        )
        for number in range(50)
    ]
    short = replace(leg(), ended_ns=ANSWERED_NS + 4_000_000_000)
    seen = replace(view(short), hearing=listen(heard, PCMU), sent_ns=(ANSWERED_NS + 1_000_000_000,))
    samples = stereo(seen, CallerTrack(SCRIPT, tone(500), ()))
    loud = np.abs(samples.reshape(40, 1600, 2).astype(np.int32)).max(axis=1) > 1000
    assert list(np.flatnonzero(loud[:, 0])) == [10, 11, 12, 13, 14]
    assert list(np.flatnonzero(loud[:, 1])) == [20, 21, 22, 23, 24, 25, 26, 27, 28, 29]
    write(tmp_path / "sub/call.wav", samples)
    with wave.open(str(tmp_path / "sub/call.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 16_000, 64_000)
