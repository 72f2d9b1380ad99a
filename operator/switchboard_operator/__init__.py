"""The control plane: VoiceAgents and Tenants become LiveKit trunks, dispatch rules and workers.

The way of a resource: watch -> store -> work queue -> observe -> plan (pure) -> apply -> status
(pure). kopf gives the watches and nothing else: no handlers that write, no annotations, no
finalizers of its own. Everything is level-triggered: a reconcile looks at what is, never at what
just happened, so a lost event costs time, not truth.
"""
