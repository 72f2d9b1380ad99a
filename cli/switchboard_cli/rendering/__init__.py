"""From files to everything the operator would make of them, without a cluster.

    manifests -> a store and a directory as the operator keeps them -> judge and plan -> YAML

The judging and planning is the operator's own: what is printed here is what a cluster gets, and
what is refused here is refused there with the same words.
"""
