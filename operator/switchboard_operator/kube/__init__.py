"""The Kubernetes API: kinds, objects as plain dicts, and a thin client."""
