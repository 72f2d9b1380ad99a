"""The words that all parts share: resources, compiled configuration, names, metrics, call events.

Nothing in here does input or output: every part may import it, it imports only pydantic.
"""
