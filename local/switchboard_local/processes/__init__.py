"""The local system without root: Switchboard's parts as processes on 127.0.0.1.

etcd, the API server, LiveKit, Redis and the SIP edge are the real ones; what is missing is a node.
In its place the `runner` starts a worker process for each replica that a Deployment of
Switchboard asks for, and reports their readiness as the Deployment's status, so that the same
VoiceAgent becomes Ready by the same conditions.
"""
