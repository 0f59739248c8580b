"""PersistentVolumes and claims: binding, phases, reclaiming, protection (pkg/controller/volume)."""
