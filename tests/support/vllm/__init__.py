"""vLLM's place in a cluster without a GPU: the same program name, flags, ports and manners."""
