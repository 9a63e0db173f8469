"""The crash budget: pure figures."""

from hived.supervision.restart_policy import BACKOFF_SECONDS, CrashBudget, Park, TryAgain


def test_the_third_crash_within_a_minute_parks() -> None:
    budget = CrashBudget(3, 60.0)
    assert budget.crashed(0.0) == TryAgain(0.5)
    assert budget.crashed(10.0) == TryAgain(2.0)
    assert budget.crashed(59.9) == Park(3)


def test_crashes_that_are_long_past_do_not_count() -> None:
    budget = CrashBudget(3, 60.0)
    for minute in range(100):
        assert budget.crashed(minute * 61.0) == TryAgain(0.5)


def test_the_last_backoff_goes_on() -> None:
    budget = CrashBudget(10, 60.0)
    assert [budget.crashed(0.0) for _ in range(4)] == [TryAgain(wait) for wait in (*BACKOFF_SECONDS, 5.0)]


def test_a_cleared_budget_is_whole_again() -> None:
    budget = CrashBudget(2, 60.0)
    budget.crashed(0.0)
    budget.clear()
    assert budget.crashed(1.0) == TryAgain(0.5)
