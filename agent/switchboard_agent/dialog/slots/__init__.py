"""Slot types: each file knows how one kind of value is said, heard, keyed in and read back."""
