"""Kubernetes Events: what `kubectl describe` and `kubectl get events` tell of a resource.

One for each transition that a person may care about, never in steady state. They are a courtesy:
they go through a bounded queue at a low rate, and their failure harms nothing.
"""
