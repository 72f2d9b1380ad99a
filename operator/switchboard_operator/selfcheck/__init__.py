"""What the operator asks of a cluster before it works, and says when it is not there."""
