from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switchboard_media.rtp_stats import StreamStats, StreamTracker
from tests.media.strategies import uint16, uint32


def heard(sequences: Iterable[int], start: int = 0) -> StreamStats:
    tracker = StreamTracker(8000)
    for number in sequences:
        tracker.receive((start + number) % 65_536, 160 * number % (1 << 32), 0.02 * number)
    return tracker.stats()


def test_a_whole_stream_has_no_faults() -> None:
    stats = heard(range(500))
    assert (stats.received, stats.expected, stats.lost) == (500, 500, 0)
    assert stats.jitter_ms == pytest.approx(0.0, abs=1e-6)


def test_loss_is_counted_across_the_wrap_of_the_sequence() -> None:
    stats = heard([n for n in range(100) if n not in {4, 5, 50}], start=65_530)
    assert (stats.expected, stats.received, stats.lost, stats.loss_runs) == (100, 97, 3, 2)
    assert stats.loss_fraction == pytest.approx(0.03)


def test_two_wraps_are_still_one_stream() -> None:
    tracker = StreamTracker(8000)
    for number in range(140_000):
        tracker.receive(number % 65_536, 160 * number % (1 << 32), 0.02 * number)
    assert tracker.stats().expected == 140_000
    assert tracker.extended_sequence == 139_999


def test_swapped_packets_are_reordered_not_lost() -> None:
    stats = heard([0, 1, 3, 2, 4])
    assert (stats.lost, stats.reordered, stats.loss_runs, stats.duplicates) == (0, 1, 0, 0)


def test_copies_do_not_hide_loss() -> None:
    stats = heard([0, 1, 1, 1, 3, 0, 4])
    assert (stats.received, stats.lost, stats.duplicates) == (4, 1, 3)


def test_a_stream_whose_first_packet_came_second_starts_at_the_first() -> None:
    stats = heard([1, 0, 2, 3], start=100)
    assert (stats.expected, stats.received, stats.lost, stats.reordered) == (4, 4, 0, 1)


@pytest.mark.parametrize("start", [0, 65_530, 65_534])
def test_what_is_missing_before_the_first_seen_is_lost_until_it_comes(start: int) -> None:
    gap = heard([3, 0, 4], start=start)
    assert (gap.expected, gap.lost, gap.loss_runs, gap.duplicates) == (5, 2, 1, 0)
    next_to_it = heard([3, 2, 4], start=start)
    assert (next_to_it.expected, next_to_it.lost, next_to_it.loss_runs) == (3, 0, 0)
    filled = heard([3, 0, 1, 2, 4], start=start)
    assert (filled.expected, filled.lost, filled.loss_runs) == (5, 0, 0)


def test_one_impossible_packet_is_ignored_and_two_are_a_restart() -> None:
    assert heard([0, 1, 30_000, 2, 3]).expected == 4
    restarted = heard([0, 1, 30_000, 30_001, 30_002])
    assert (restarted.restarts, restarted.expected, restarted.lost) == (1, 4, 0)


def test_constant_spacing_has_no_jitter_whatever_the_start() -> None:
    tracker = StreamTracker(8000)
    for n in range(100):
        tracker.receive(n, (4_294_960_000 + 160 * n) % (1 << 32), 1234.5 + 0.02 * n)
    assert tracker.stats().jitter_ms == pytest.approx(0.0, abs=1e-6)


def test_jitter_is_that_of_appendix_a_8() -> None:
    """Every second packet 10 ms late: each difference is 10 ms, and J closes in by 1/16."""
    tracker = StreamTracker(8000)
    for n in range(3):
        tracker.receive(n, 160 * n, 0.02 * n + (0.01 if n % 2 else 0.0))
    assert tracker.stats().jitter_ms == pytest.approx(10 / 16 + (10 - 10 / 16) / 16)
    for n in range(3, 300):
        tracker.receive(n, 160 * n, 0.02 * n + (0.01 if n % 2 else 0.0))
    assert tracker.stats().jitter_ms == pytest.approx(10.0, abs=0.01)
    assert tracker.stats().max_jitter_ms == pytest.approx(10.0, abs=0.01)


def test_keys_do_not_count_as_jitter() -> None:
    """All packets of a key bear one timestamp: their spacing says nothing of the network."""
    tracker = StreamTracker(8000)
    tracker.receive(0, 0, 0.0)
    for n in range(1, 9):
        tracker.receive(n, 160, 0.02 * n, paced=False)
    tracker.receive(9, 1440, 0.18)
    assert tracker.stats().jitter_ms == 0.0
    assert tracker.stats().received == 10


def test_random_loss_has_burst_ratio_one_and_runs_have_more() -> None:
    lone = heard([n for n in range(1000) if n % 20])
    runs = heard([n for n in range(1000) if n % 100 >= 5 or n == 0])
    assert lone.loss_fraction == pytest.approx(0.05, abs=0.001)
    assert lone.burst_ratio == 1.0
    assert runs.burst_ratio == pytest.approx(4.7, abs=0.1)


def test_an_interval_counts_only_itself() -> None:
    tracker = StreamTracker(8000)
    for n in (0, 1, 3, 4):
        tracker.receive(n, 160 * n, 0.02 * n)
    before = tracker.stats()
    for n in (5, 6, 8, 9):
        tracker.receive(n, 160 * n, 0.02 * n)
    interval = tracker.stats().since(before)
    assert (interval.received, interval.expected, interval.lost) == (4, 5, 1)


@given(uint16, st.lists(st.booleans(), min_size=1, max_size=300), st.integers(0, 4))
def test_what_was_dropped_is_what_is_missing(start: int, kept: list[bool], swap: int) -> None:
    kept = [True, *kept, True]
    numbers = [n for n, keep in enumerate(kept) if keep]
    middle = numbers[1:-1]
    blocks = [middle[i : i + swap + 1][::-1] for i in range(0, len(middle), swap + 1)]
    order = [numbers[0], *(n for block in blocks for n in block), numbers[-1]]
    stats = heard(order, start=start)
    runs = sum(a and not b for a, b in pairwise(kept))
    assert (stats.lost, stats.duplicates) == (kept.count(False), 0)
    assert stats.loss_runs == runs


@given(st.lists(st.tuples(uint16, uint32, st.floats(0, 1e6))))
def test_no_stream_whatever_breaks_the_figures(packets: list[tuple[int, int, float]]) -> None:
    tracker = StreamTracker(8000)
    for sequence, timestamp, arrival_s in packets:
        tracker.receive(sequence, timestamp, arrival_s)
    stats = tracker.stats()
    assert stats.received <= len(packets)
    assert 0.0 <= stats.loss_fraction <= 1.0
    assert stats.burst_ratio >= 1.0
    assert stats.jitter_ms >= 0.0
