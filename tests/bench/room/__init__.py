"""What a call in a real LiveKit room costs a worker."""
