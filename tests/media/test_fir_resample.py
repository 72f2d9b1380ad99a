import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media.fir_resample import FrameResampler, RateChange
from switchboard_media.pcm import Pcm, level_dbfs
from tests.media.test_resample import sine

RATES = [(8000, 16_000), (16_000, 8000), (16_000, 48_000), (48_000, 16_000), (48_000, 8000)]
each_rate = pytest.mark.parametrize("rates", RATES, ids=lambda r: f"{r[0]}-{r[1]}")


def through(rates: tuple[int, int], sound: Pcm) -> Pcm:
    stream, frame = FrameResampler(*rates), rates[0] // 50
    return np.concatenate(
        [stream.process(sound[k : k + frame]) for k in range(0, len(sound), frame)]
    )


@each_rate
def test_one_frame_in_is_one_frame_out_from_the_first(rates: tuple[int, int]) -> None:
    stream = FrameResampler(*rates)
    made = [len(stream.process(np.zeros(rates[0] // 50, np.int16))) for _ in range(3)]
    assert made == [rates[1] // 50] * 3


@each_rate
@pytest.mark.parametrize("hz", [150, 1000, 3300])
def test_what_both_rates_can_hold_keeps_its_level(rates: tuple[int, int], hz: float) -> None:
    heard = through(rates, sine(rates[0], hz))
    assert level_dbfs(heard[400:]) == pytest.approx(level_dbfs(sine(rates[1], hz)), abs=0.1)


@pytest.mark.parametrize(
    ("rates", "hz"), [((16_000, 8000), 5000), ((48_000, 8000), 7000), ((48_000, 16_000), 9500)]
)
def test_what_the_slower_rate_cannot_hold_does_not_fold_back(
    rates: tuple[int, int], hz: float
) -> None:
    heard = through(rates, sine(rates[0], hz))
    assert level_dbfs(heard[400:]) < level_dbfs(sine(rates[0], hz)) - 57


def test_speeding_up_adds_no_image_above_the_old_band() -> None:
    heard = through((8000, 16_000), sine(8000, 3000))[800:].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    hz = np.fft.rfftfreq(len(heard), 1 / 16_000)
    assert spectrum[hz > 4200].max() < spectrum.max() / 500


@pytest.mark.parametrize("rates", RATES)
def test_a_click_comes_out_when_the_delay_says(rates: tuple[int, int]) -> None:
    click = np.zeros(rates[0] // 10, np.int16)
    click[len(click) // 2 : len(click) // 2 + 6] = 10_000
    stream = FrameResampler(*rates)
    heard = np.concatenate([stream.process(click), stream.flush()]).astype(np.float64)
    middle = float((heard**2 * np.arange(len(heard))).sum() / (heard**2).sum())
    sent_ms = 1000 * (len(click) // 2 + 3) / rates[0]
    assert 1000 * middle / rates[1] - sent_ms == pytest.approx(stream.delay_ms, abs=0.15)


@given(st.lists(st.integers(0, 60), max_size=20), st.sampled_from(RATES))
def test_no_way_of_cutting_a_stream_changes_a_sample(
    counts: list[int], rates: tuple[int, int]
) -> None:
    ratio = max(rates) // min(rates)
    sizes = [count * ratio for count in counts]
    sound = np.random.default_rng(1).integers(-9000, 9000, sum(sizes)).astype(np.int16)
    stream, whole = FrameResampler(*rates), FrameResampler(*rates)
    parts, at = [np.zeros(0, np.int16)], 0
    for size in sizes:
        parts.append(stream.process(sound[at : at + size]))
        at += size
    heard = np.concatenate([*parts, stream.flush()]).astype(np.int32)
    expected = np.concatenate([whole.process(sound), whole.flush()]).astype(np.int32)
    # The order of additions in a product depends on its size: one step of rounding.
    assert np.abs(heard - expected).max() <= 1


@pytest.mark.parametrize("rates", RATES)
def test_streams_side_by_side_are_as_each_alone(rates: tuple[int, int]) -> None:
    frame, change = rates[0] // 50, RateChange(*rates)
    sounds = [sine(rates[0], hz)[: 5 * frame] for hz in (300, 700, 1100)]
    alone = [through(rates, sound).astype(np.int32) for sound in sounds]
    past, made = np.stack([change.silence()] * 3), []
    for k in range(0, 5 * frame, frame):
        frames, past = change.process(past, np.stack([sound[k : k + frame] for sound in sounds]))
        made.append(frames)
    assert np.abs(np.concatenate(made, axis=1) - np.stack(alone)).max() <= 1


def test_overload_is_limited_not_wrapped() -> None:
    square = np.where(np.arange(1600) // 20 % 2, 32767, -32768).astype(np.int16)
    heard = through((8000, 16_000), square)[100:].astype(np.int32)
    middle = heard.reshape(-1, 20)[2:, 8:12]
    assert (np.abs(middle) > 25_000).all()


def test_a_flushed_resampler_starts_anew() -> None:
    stream, sound = FrameResampler(16_000, 8000), sine(16_000, 300)
    first = np.concatenate([stream.process(sound), stream.flush()])
    assert np.array_equal(first, np.concatenate([stream.process(sound), stream.flush()]))


def test_equal_rates_pass_sound_through() -> None:
    stream, sound = FrameResampler(16_000, 16_000), sine(16_000, 300)
    assert np.array_equal(stream.process(sound), sound)
    assert len(stream.flush()) == 0


def test_other_ratios_are_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"resample\.Resampler"):
        FrameResampler(22_050, 16_000)


def test_half_a_frame_of_the_ratio_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 3"):
        FrameResampler(48_000, 16_000).process(np.zeros(100, np.int16))
