"""LiveKit's SIP objects: one trunk and one dispatch rule for each VoiceAgent.

LiveKit has no watch, no resource versions and no atomic check of numbers, so: one list of
everything on a slow timer (`mirror`), one writer at a time, and always `replace`, never `update`.
"""
