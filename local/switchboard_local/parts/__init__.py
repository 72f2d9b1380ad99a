"""The parts of the local system: each file turns addresses and paths into one `Part`."""
