"""livekit-agents in the benchmark."""
