"""Trying agents out without a phone, after each change and now and then.

    reconcile: watch(agent) -> schedule (fair, few at once) -> attempt (room, dispatch, answer)
               ^-- wake, when there is news <-- verdict (pure)

It stands beside the reconciles and never holds one up: they tell it what may be tried out and read
what is known.
"""
