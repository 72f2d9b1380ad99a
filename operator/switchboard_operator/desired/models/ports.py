"""Ports of the model servers, inside the cluster."""

VLLM_HTTP = 8000
TRITON_HTTP = 8000
TRITON_GRPC = 8001
TRITON_METRICS = 8002
