"""Talking to an agent from a web page: the page, its client of LiveKit, and tickets for calls."""
