"""The whole system on one machine, for the demo, for tests and for development."""
