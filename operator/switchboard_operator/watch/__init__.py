"""How this process learns what changes: kopf's watches, full lists, and the start barrier."""
