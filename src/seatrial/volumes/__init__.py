"""What disks are: drivers that mount volumes for Pods, image stores with locks, provisioning."""
