import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.audio.ring import Ring


@given(
    capacity=st.integers(1, 50),
    frames=st.lists(st.integers(0, 80), max_size=20),
    back=st.integers(-5, 200),
)
def test_gives_back_every_sample_of_the_last_seconds_and_little_more(
    capacity: int, frames: list[int], back: int
) -> None:
    ring, everything = Ring(capacity), np.zeros(0, dtype=np.int16)
    for size in frames:
        frame = np.arange(len(everything), len(everything) + size).astype(np.int16)
        everything = np.concatenate((everything, frame))
        ring.append(frame)
    wanted = len(everything) - back
    assert ring.end == len(everything)
    assert max(0, ring.end - capacity - 80) <= ring.start <= max(0, ring.end - capacity)
    assert np.array_equal(ring.since(wanted), everything[max(wanted, ring.start) :])


def test_what_was_taken_out_does_not_change_with_what_comes_in() -> None:
    ring = Ring(4)
    ring.append(np.array([1, 2, 3, 4], dtype=np.int16))
    taken = ring.since(0)
    taken[0] = 7
    ring.append(np.array([9, 9], dtype=np.int16))
    assert ring.since(0).tolist() == [1, 2, 3, 4, 9, 9]
