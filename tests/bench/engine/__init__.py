"""What a call costs an engine: ours and others, on the same callers and the same providers."""
