from switchboard_loadtest.transcript import Spoken, transcript
from tests.loadtest.results import agent, leg, view


def test_lines_take_the_times_at_which_the_caller_spoke_and_heard_them() -> None:
    assert transcript(view(leg()), agent()) == [
        Spoken("agent", "Hello.", 100),
        Spoken("caller", "i would like to book an appointment", 5000),
        Spoken("agent", "Which day? [interrupted]", 7600),
        Spoken("caller", "good buy", 9000),
    ]
