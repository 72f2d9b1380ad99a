"""The budget of questions: an hour that moves along, for each agent by itself."""

from switchboard_operator.probe.budget import Budget


def test_questions_of_the_last_hour_count_and_older_ones_do_not() -> None:
    budget: Budget[str] = Budget(4)
    for now in (0.0, 1800.0):
        assert budget.allows("a", now)
        budget.spend("a", 2, now)
    assert not budget.allows("a", 3599.0)
    assert budget.allows("a", 3600.0)
    budget.spend("a", 2, 3600.0)
    assert not budget.allows("a", 5399.0)


def test_each_agent_has_its_own_and_leaves_nothing_behind() -> None:
    budget: Budget[str] = Budget(1)
    budget.spend("a", 3, 0.0)
    assert not budget.allows("a", 1.0)
    assert budget.allows("b", 1.0)
    budget.forget("a")
    assert budget.allows("a", 1.0)


def test_a_probe_that_asked_nothing_costs_nothing() -> None:
    budget: Budget[str] = Budget(1)
    for _ in range(100):
        budget.spend("a", 0, 0.0)
    assert budget.allows("a", 0.0)
