"""Who we are to a server: tokens, token files, passwords, credential plugins (client-go plugin/pkg/client/auth/exec).

A token file is read again for each request. A plugin is run when its credential is needed for the first time, has
expired or is about to, or when the server has refused it.
"""

import asyncio
import base64
import json
import os
from typing import Any

from seatrial.base.env import Env
from seatrial.base.errors import ToolError
from seatrial.base.types import JSON
from seatrial.client.kubeconfig import Access, ExecPlugin
from seatrial.machinery import times

EXPIRES_SOON_SECONDS = 10.0


class Credentials:
    """`headers` before every request; `certificate` afterwards: the (certificate, key) to show, None for none."""

    def __init__(self, access: Access, env: Env) -> None:
        self._access, self._env = access, env
        self._plugin_status: JSON = {}
        self._plugin_lock = asyncio.Lock()

    @property
    def certificate(self) -> tuple[bytes, bytes] | None:
        """The kubeconfig's, or the plugin's."""
        access, plugin = self._access, self._plugin_status
        if access.client_certificate and access.client_key:
            return access.client_certificate, access.client_key
        if plugin.get("clientCertificateData") and plugin.get("clientKeyData"):
            return plugin["clientCertificateData"].encode(), plugin["clientKeyData"].encode()
        return None

    async def headers(self) -> dict[str, str]:
        """The Authorization header, if there is one. Raises ToolError when a file or a plugin fails."""
        access = self._access
        if access.token_file is not None:
            try:
                return {"Authorization": f"Bearer {access.token_file.read_text().strip()}"}
            except (OSError, UnicodeDecodeError) as error:
                why = getattr(error, "strerror", None) or error
                raise ToolError(f"token file {access.token_file}: {why}") from None
        if access.token:
            return {"Authorization": f"Bearer {access.token}"}
        if access.exec_plugin is not None:
            token = await self._from_plugin(access.exec_plugin)
            return {"Authorization": f"Bearer {token}"} if token else {}
        if access.username:
            pair = base64.b64encode(f"{access.username}:{access.password}".encode()).decode()
            return {"Authorization": f"Basic {pair}"}
        return {}

    def refused(self) -> bool:
        """The server has answered 401: whether another attempt, with a fresh credential, makes sense."""
        held, self._plugin_status = self._plugin_status, {}
        return bool(held)

    async def _from_plugin(self, plugin: ExecPlugin) -> str:
        async with self._plugin_lock:
            if not self._plugin_status or self._expires_soon():
                status = (await _run_plugin(plugin)).get("status") or {}
                if not status.get("token") and not status.get("clientCertificateData"):
                    raise ToolError(f"credential plugin {plugin.command[0]} printed neither a token nor a certificate")
                self._plugin_status = status
            return str(self._plugin_status.get("token") or "")

    def _expires_soon(self) -> bool:
        expires = self._plugin_status.get("expirationTimestamp")
        if not expires:
            return False
        try:
            return times.parse_time(expires) - self._env.now() < EXPIRES_SOON_SECONDS
        except ValueError:
            return False


async def _run_plugin(plugin: ExecPlugin) -> JSON:
    info = {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": {"interactive": False}}
    environment = {**os.environ, **plugin.environment, "KUBERNETES_EXEC_INFO": json.dumps(info)}
    try:
        process = await asyncio.create_subprocess_exec(
            *plugin.command, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise ToolError(f"credential plugin {plugin.command[0]}: {error.strerror}") from None
    output, errors = await process.communicate()
    if process.returncode != 0:
        raise ToolError(f"credential plugin {plugin.command[0]} failed: {errors.decode(errors='replace').strip()}")
    try:
        credential: Any = json.loads(output)
    except ValueError:
        raise ToolError(f"credential plugin {plugin.command[0]} printed no ExecCredential") from None
    return credential if isinstance(credential, dict) else {}
