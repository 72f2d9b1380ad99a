"""Other engines in the benchmark. Each runs in an environment of its own, made from its lock."""
