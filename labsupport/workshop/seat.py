"""A learner's server begins here, run as that learner: brings the lessons, then becomes the server."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from labsupport.setup.children import become
from labsupport.setup.copies import copy_lessons
from labsupport.setup.problem import ROOT


def check() -> None:
    """Raises whatever keeps this user from the course: run as a learner, before the hub starts."""
    import jupyterhub.singleuser  # noqa: F401

    from labsupport.server import choose_server

    choose_server()
    for lesson in (ROOT / "notebooks").glob("*.ipynb"):
        lesson.read_bytes()


def main() -> None:
    """The copies are made as the learner, not by the hub: so no link in a home can lead it astray."""
    mine = Path.home() / "my-notebooks"
    copy_lessons(ROOT / "notebooks", mine)
    # -P: a learner's own random.py must not keep the server from its start
    command = [sys.executable, "-P", "-m", "jupyterhub.singleuser", *sys.argv[1:]]
    become(command, mine, os.environ)


if __name__ == "__main__":
    main()
