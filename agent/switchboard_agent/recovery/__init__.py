"""Calls that outlive their worker."""
