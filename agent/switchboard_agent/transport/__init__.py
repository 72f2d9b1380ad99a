"""Ways that a call's audio comes in and goes out."""
