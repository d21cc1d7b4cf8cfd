"""Which installed packages differ from the exact versions in requirements.txt."""

from __future__ import annotations

import json
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlparse
from urllib.request import url2pathname


def pinned_lines(requirements: Path) -> list[str]:
    """The `name==version ; marker` lines of a requirements file, without comments and options."""
    lines = (line.split("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def differences(root: Path) -> list[str]:
    """A phrase for each package of this Python that is not as requirements.txt asks; [] means ready."""
    return unmet(root / "requirements.txt") + _wrong_course(root)


def unmet(requirements: Path) -> list[str]:
    """The same for one file, without the course itself."""
    try:
        from packaging.requirements import Requirement
    except ImportError:  # it is one of the pins itself, so its absence is already an answer
        return ["the course's packages are not installed"]
    wanted = [Requirement(line) for line in pinned_lines(requirements)]
    here = [pin for pin in wanted if pin.marker is None or pin.marker.evaluate()]
    found = [(pin, _installed(pin.name)) for pin in here]
    return [
        f"{pin} (found {have})" for pin, have in found if have is None or not pin.specifier.contains(have)
    ]


def _installed(name: str) -> str | None:
    try:
        return distribution(name).version
    except PackageNotFoundError:
        return None


def _wrong_course(root: Path) -> list[str]:
    """A notebook imports labsupport from wherever it was installed: that has to be this folder."""
    try:
        folder = _folder_of(distribution("labsupport"))
    except PackageNotFoundError:
        return ["labsupport (found None)"]
    return [] if folder == root.resolve() else [f"labsupport from this folder (found {folder})"]


def _folder_of(installed: Distribution) -> Path | None:
    origin = json.loads(installed.read_text("direct_url.json") or "{}")
    path = unquote(urlparse(origin.get("url", "")).path)
    return Path(url2pathname(path)).resolve() if path else None
