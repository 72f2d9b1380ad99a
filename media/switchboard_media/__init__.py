"""Sound and packets, pure: codecs, RTP, SDP, SIP and speech quality.

Nothing in this package reads a clock, a socket or a file: bytes and times come in as
arguments, bytes and decisions go out. So every rule of the wire is tested by arithmetic, and
the same code serves the SIP edge, the load generator and the quality observer.
"""
