"""How long the words of a recogniser are waited for."""

from switchboard_agent.stt.pace import Pace


def test_a_quick_recogniser_is_given_a_second() -> None:
    pace = Pace()
    assert pace.patience_ms == 1000
    pace.took(100)
    assert pace.patience_ms == 1000


def test_a_slow_one_is_given_twice_its_time_and_never_too_long() -> None:
    pace = Pace()
    pace.took(800)
    assert pace.patience_ms == 1600
    pace.took(4000)
    assert pace.patience_ms == 2500


def test_slowness_is_forgotten() -> None:
    pace = Pace()
    pace.took(1200)
    for _ in range(60):
        pace.took(50)
    assert pace.patience_ms == 1000
