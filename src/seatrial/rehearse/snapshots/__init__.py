"""What a rehearsal starts from: a cluster, a dump or manifests, made whole and put into a store."""
