"""The support bundle: what somebody needs who helps from afar, and nothing that is none of theirs.

collect (reads the cluster) -> redact (pure) -> archive
"""
