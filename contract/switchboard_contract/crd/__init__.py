"""The custom resources as Pydantic models: source of the CRDs in `manifests/crds/`."""
