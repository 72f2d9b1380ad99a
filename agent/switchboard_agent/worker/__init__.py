"""A LiveKit agent worker of our own: takes jobs from the server, serves each as one task."""
