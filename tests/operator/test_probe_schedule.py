"""Who is tried out when: few at once, each in its turn, none twice at a time."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from switchboard_operator.probe.schedule import Schedule


def _schedule(*, at_once: int = 2, apart: float = 0.0, rest: float = 0.0) -> Schedule[str]:
    return Schedule(at_once=at_once, apart_seconds=apart, rest_seconds=rest)


def test_who_is_due_longest_is_next() -> None:
    schedule = _schedule()
    for key, due in (("b", 2.0), ("a", 1.0), ("c", 3.0)):
        schedule.put(key, due)
    assert schedule.take(0.5) is None
    assert schedule.wait(0.5) == 0.5
    assert [schedule.take(5.0), schedule.take(5.0)] == ["a", "b"]


def test_no_more_run_than_may_and_a_finished_one_makes_place() -> None:
    schedule = _schedule(at_once=1)
    schedule.put("a", 0.0)
    schedule.put("b", 0.0)
    assert schedule.take(1.0) == "a"
    assert (schedule.take(1.0), schedule.wait(1.0)) == (None, None)
    schedule.finish("a", 2.0)
    assert schedule.take(2.0) == "b"


def test_starts_lie_apart() -> None:
    schedule = _schedule(apart=0.5)
    schedule.put("a", 0.0)
    schedule.put("b", 0.0)
    assert schedule.take(0.0) == "a"
    assert (schedule.take(0.2), schedule.wait(0.2)) == (None, 0.3)
    assert schedule.take(0.5) == "b"


def test_a_key_that_runs_is_due_again_only_afterwards_and_after_its_rest() -> None:
    schedule = _schedule(rest=3.0)
    schedule.put("a", 0.0)
    assert schedule.take(0.0) == "a"
    schedule.put("a", 1.0)
    assert schedule.take(1.0) is None
    schedule.finish("a", 2.0)
    assert schedule.wait(2.0) == 3.0
    assert schedule.take(5.0) == "a"


def test_hurry_never_delays() -> None:
    schedule = _schedule()
    schedule.put("a", 10.0)
    schedule.hurry("a", 20.0)
    schedule.hurry("a", 5.0)
    assert schedule.wait(0.0) == 5.0
    schedule.put("a", 30.0)
    assert schedule.wait(0.0) == 30.0


def test_a_dropped_key_is_gone_also_while_it_runs() -> None:
    schedule = _schedule()
    schedule.put("a", 0.0)
    schedule.put("b", 0.0)
    schedule.take(0.0)
    schedule.put("a", 0.0)
    schedule.drop("a")
    schedule.drop("b")
    schedule.finish("a", 1.0)
    assert "a" not in schedule
    assert "b" not in schedule
    assert (schedule.running, schedule.wait(2.0)) == (0, None)


@given(
    agents=st.integers(1, 30),
    at_once=st.integers(1, 4),
    interval=st.floats(10.0, 60.0),
    run_seconds=st.floats(0.1, 3.0),
    starts=st.lists(st.floats(0.0, 60.0), min_size=30, max_size=30),
)
def test_each_has_its_turn_within_its_interval_and_the_time_that_the_others_take(
    agents: int, at_once: int, interval: float, run_seconds: float, starts: list[float]
) -> None:
    apart, rest = 0.1, 2.0
    schedule = _schedule(at_once=at_once, apart=apart, rest=rest)
    for number in range(agents):
        schedule.put(f"a{number}", starts[number] % interval)
    running: list[tuple[float, str]] = []
    began: dict[str, list[float]] = {f"a{n}": [] for n in range(agents)}
    now = 0.0
    while now < 5 * interval + 3 * agents * run_seconds:
        while running and running[0][0] <= now:
            _, done = running.pop(0)
            schedule.finish(done, now)
            schedule.put(done, now + interval)
        if (key := schedule.take(now)) is not None:
            assert key not in {k for _, k in running}
            began[key].append(now)
            running.append((now + run_seconds, key))
            assert len(running) <= at_once
            continue
        waits = [schedule.wait(now), running[0][0] - now if running else None]
        now += max(1e-6, min(wait for wait in waits if wait is not None))
    # All others may stand before it, `at_once` of them running at a time.
    turn = (agents / at_once + 2) * max(run_seconds, apart * at_once) + 1e-3
    for times in began.values():
        assert times, "everybody had a turn"
        assert times[0] <= interval + turn
        assert all(
            later - earlier <= interval + run_seconds + turn
            for earlier, later in itertools.pairwise(times)
        )
