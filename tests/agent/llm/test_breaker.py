"""A provider that fails is left alone, and is asked again when it has rested."""

from hypothesis import given
from hypothesis import strategies as st

from switchboard_agent.llm.breaker import (
    FAILURES_TO_OPEN,
    FIRST_REST_SECONDS,
    LONGEST_REST_SECONDS,
    Breaker,
    Permit,
)


def _opened(at: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        permit = breaker.enter(at)
        assert permit is not None
        breaker.failed(permit, at)
    return breaker


def test_failures_in_a_row_open_it_for_a_rest() -> None:
    breaker = _opened()
    assert breaker.open
    assert breaker.enter(FIRST_REST_SECONDS - 0.01) is None
    assert breaker.enter(FIRST_REST_SECONDS) == Permit(probe=True)


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker()
    for _ in range(10):
        permit = breaker.enter(0.0)
        assert permit is not None
        breaker.failed(permit, 0.0)
        breaker.succeeded()
    assert not breaker.open


def test_one_question_probes_while_the_others_pass_by() -> None:
    breaker = _opened()
    probe = breaker.enter(FIRST_REST_SECONDS)
    assert probe is not None
    assert breaker.enter(FIRST_REST_SECONDS + 100) is None
    breaker.succeeded()
    assert breaker.enter(FIRST_REST_SECONDS + 100) == Permit(probe=False)


def test_a_failed_probe_doubles_the_rest() -> None:
    breaker = _opened()
    probe = breaker.enter(FIRST_REST_SECONDS)
    assert probe is not None
    breaker.failed(probe, 10.0)
    assert not breaker.ready(10.0 + 2 * FIRST_REST_SECONDS - 0.01)
    assert breaker.ready(10.0 + 2 * FIRST_REST_SECONDS)


def test_a_probe_that_was_taken_back_leaves_room_for_the_next() -> None:
    breaker = _opened()
    probe = breaker.enter(FIRST_REST_SECONDS)
    assert probe is not None
    breaker.abandoned(probe)
    assert breaker.enter(FIRST_REST_SECONDS) == Permit(probe=True)


_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["enter", "succeed", "fail", "abandon"]),
        st.floats(0, 10),
        st.integers(0, 9),
    ),
    max_size=60,
)


@given(_STEPS)
def test_whatever_calls_do_it_probes_one_at_a_time_and_never_rests_too_long(
    steps: list[tuple[str, float, int]],
) -> None:
    breaker, held, now = Breaker(), list[Permit](), 0.0
    for step, wait, which in steps:
        now += wait
        if step == "enter":
            permit = breaker.enter(now)
            assert (permit is not None) or breaker.open
            held += [permit] if permit else []
        elif held:
            permit = held.pop(which % len(held))
            if step == "succeed":
                breaker.succeeded()
                assert not breaker.open
            elif step == "fail":
                breaker.failed(permit, now)
            else:
                breaker.abandoned(permit)
        if breaker.open:
            assert sum(permit.probe for permit in held) <= 1 or not breaker._probing
            assert breaker._rested_at <= now + LONGEST_REST_SECONDS
    for permit in held:
        breaker.abandoned(permit)
    assert breaker.ready(now + LONGEST_REST_SECONDS)
