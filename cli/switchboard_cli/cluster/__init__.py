"""How commands reach a Kubernetes cluster: as kubectl does, with the same files and flags."""
