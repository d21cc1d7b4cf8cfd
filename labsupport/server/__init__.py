"""Finds or starts a Redis; owns it or respects it; cleans up."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from labsupport.server.choose import choose_server as choose_server
from labsupport.server.choose import redis_url
from labsupport.server.foreign import ForeignServer
from labsupport.server.own import OwnServer


def open_server(environ: Mapping[str, str] = os.environ, own: bool = False) -> OwnServer | ForeignServer:
    """Connect to REDIS_URL, or start a server by the rules of choose_server.

    `own`: start one even if REDIS_URL is set, for lessons that break or count a whole server.
    Raises NoRedis: no server, one that does not start, or one that does not answer.
    """
    if own:
        environ = {name: value for name, value in environ.items() if name != "REDIS_URL"}
    choice = choose_server(environ, sys.platform)
    return ForeignServer(redis_url(environ)) if choice.kind == "url" else OwnServer(choice.where)
