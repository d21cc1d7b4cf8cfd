"""The hub's door: a person gets in with the password of their card, once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from jupyterhub.auth import Authenticator
from tornado.web import HTTPError
from traitlets import Unicode

from labsupport.workshop.passwords import use_password


class OneTimePasswords(Authenticator):
    """Takes a password of the folder, and uses it up. The login page shows why one was not taken."""

    folder = Unicode(help="where the hashes are").tag(config=True)

    async def authenticate(self, handler: Any, data: dict[str, str]) -> str | None:
        """The name if the password was right; None for a name that is not in this room."""
        name = data["username"].strip().lower()
        if name not in self.allowed_users:
            return None
        wrong = await asyncio.to_thread(use_password, Path(self.folder), name, data["password"])
        if wrong:
            raise HTTPError(403, wrong.replace("%", "%%"))
        return name
