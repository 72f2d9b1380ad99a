"""When who speaks: pure decisions about turns, timed by what is passed in."""
