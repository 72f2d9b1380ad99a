"""`external.metrics.k8s.io`, served by the operator: what the HPA scales worker pools by.

    HPA controller -> kube-apiserver (authenticates, authorises) -> front proxy -> here -> Redis

An aggregated API as Kubernetes means it: TLS with a certificate that only the APIService trusts,
and answers only for the API server's front proxy. That has authorised the request already, so
nothing is asked again here. All replicas serve, because all read the heartbeats themselves.
"""
