"""Pipecat in the benchmark."""
