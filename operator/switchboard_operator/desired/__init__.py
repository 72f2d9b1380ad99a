"""What should exist for one VoiceAgent: pure functions from accepted input to whole objects.

One noun is one file. `plan` puts them together; golden files show every object in full. Nothing in
here reads a clock, the environment, randomness or the cluster.
"""
