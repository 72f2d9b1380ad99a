"""Model servers: vLLM and Triton on GPU nodes, shared by all agents that ask for the same one."""
