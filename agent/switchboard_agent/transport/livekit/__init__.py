"""LiveKit rooms as call transport: the native SDK library without the SDK's per-event costs."""
