"""Provisioners of CSI drivers. Seatrial runs no drivers: on simulated nodes each is taken to make every volume at once.

A volume made so can be mounted from every node: which zone a driver would have chosen is not known.
"""

from seatrial.base.types import JSON


class CsiProvisioner:
    """See the module."""

    async def provision(self, claim: JSON, storage_class: JSON, name: str) -> JSON:
        return {"csi": {"driver": storage_class["provisioner"], "volumeHandle": name}}

    async def delete(self, volume: JSON) -> None:
        """Nothing was made."""

    async def resize(self, volume: JSON, capacity: str) -> None:
        """Nothing has a size."""
