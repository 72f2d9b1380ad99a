"""The samples of one call: what came in lately, what is going out, what was heard of it."""
