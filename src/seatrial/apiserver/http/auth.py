"""Who may ask: one bearer token, the administrator's (k8s.io/apiserver/pkg/authentication)."""

import hmac

from seatrial.apiserver.users import ADMIN, ANONYMOUS, UserInfo
from seatrial.machinery import status

OPEN_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/version"})
"""Answered without credentials, as upstream's role system:public-info-viewer allows."""


class TokenAuthenticator:
    """`token` "" lets everybody in as the administrator: for a listener on loopback only."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode() if token else b""

    def allows(self, header: bytes) -> bool:
        """Whether the Authorization header is the administrator's."""
        return not self._expected or hmac.compare_digest(header, self._expected)

    def user(self, header: bytes, path: str) -> UserInfo:
        """Who asks. Raises Unauthorized."""
        if self.allows(header):
            return ADMIN
        if not header and (path in OPEN_PATHS or path.startswith(("/healthz/", "/livez/", "/readyz/"))):
            return ANONYMOUS
        raise status.unauthorized()
