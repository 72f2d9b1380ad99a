"""Call records: events of calls on their way out of the worker."""
