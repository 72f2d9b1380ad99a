"""Images without a registry: built from the repo's Dockerfiles, carried into the nodes by file.

`base` makes the image that stands in for python:3.11-slim-bookworm, `build` an image from a
Dockerfile, `nodes` brings images into the bundle's nodes. Everything is named by the hash of what
it is made of, so that an unchanged tree costs no work and a changed one gets a new name, which
Kubernetes sees as a new version.
"""
