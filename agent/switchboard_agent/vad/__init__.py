"""Voice activity: from samples to the moments when the caller starts and stops speaking."""
