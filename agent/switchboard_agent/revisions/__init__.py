"""Agent revisions: what a worker may be asked to answer as."""
