"""Speaking callers, a collector of what they hear, and the figures made of both.

A caller script (data) becomes sound with known ends of speech (`caller_speech`), SIPp sends it
(`sip_scenario`, `sipp`), the kernel stamps both directions of every call with one clock
(`capture`, `collector`), and pure functions turn packets into what the caller felt (`measure`,
`wer`). Load tests know an address to call and a Redis stream to read; they start no system.
"""
