"""The only writer of the store: what Kubernetes calls the generic registry (k8s.io/apiserver/pkg/registry/generic).

(Contract; to be filled in.)
"""
