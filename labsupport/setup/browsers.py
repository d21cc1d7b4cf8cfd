"""Which browser of this machine the tests can drive: Chrome, Chromium or Edge, wherever a system puts it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from labsupport.setup.problem import SetupProblem

ON_PATH = (
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "chromium",
    "chromium-browser",
    "microsoft-edge",
    "microsoft-edge-stable",
    "msedge",
)
LINUX = (
    "/opt/google/chrome/chrome",
    "/usr/bin/chromium",
    "/snap/bin/chromium",
    "/opt/microsoft/msedge/msedge",
)
MACOS = ("Google Chrome", "Chromium", "Microsoft Edge")
WINDOWS = (
    "Google/Chrome/Application/chrome.exe",
    "Chromium/Application/chrome.exe",
    "Microsoft/Edge/Application/msedge.exe",
)
WINDOWS_FOLDERS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
NONE_FOUND = "no Chrome, Chromium or Edge was found; install one, or set LAB_BROWSER to its program"


def find_browser(
    environ: Mapping[str, str] = os.environ, platform: str = sys.platform, root: Path = Path("/")
) -> Path | None:
    """The browser's program, or None; SetupProblem if LAB_BROWSER names something that is no program."""
    asked = environ.get("LAB_BROWSER")
    if asked:
        return _named(asked, environ)
    path = environ.get("PATH", os.defpath)
    on_path = next(filter(None, (shutil.which(name, path=path) for name in ON_PATH)), None)
    if on_path:
        return Path(on_path)
    return next((place for place in usual_places(environ, platform, root) if place.is_file()), None)


def usual_places(environ: Mapping[str, str], platform: str, root: Path = Path("/")) -> Iterator[Path]:
    """Where an installer puts a browser that is not on PATH; everything lies below `root`."""
    if platform == "win32":
        folders = [Path(environ[name]) for name in WINDOWS_FOLDERS if name in environ]
        yield from (folder / program for program in WINDOWS for folder in folders)
    elif platform == "darwin":
        folders = [root / "Applications", Path(environ.get("HOME", root)) / "Applications"]
        inside = [Path(f"{name}.app/Contents/MacOS/{name}") for name in MACOS]
        yield from (folder / program for program in inside for folder in folders)
    else:
        yield from (root / place.lstrip("/") for place in LINUX)


def _named(asked: str, environ: Mapping[str, str]) -> Path:
    """Exactly the browser that LAB_BROWSER names, by its path or its name on PATH; never another one."""
    found = shutil.which(Path(asked).expanduser(), path=environ.get("PATH", os.defpath))
    if found is None:
        raise SetupProblem(
            f"LAB_BROWSER is {asked!r}, but there is no such program; set it to the path of Chrome, Chromium "
            "or Edge, or unset it and one is looked for."
        )
    return Path(found)


def main() -> int:
    """Print the program and return 0; without one say so on stderr and return 1."""
    try:
        found = find_browser()
    except SetupProblem as problem:
        print(problem, file=sys.stderr)
        return 1
    print(found or NONE_FOUND, file=sys.stdout if found else sys.stderr)
    return 0 if found else 1


if __name__ == "__main__":  # .ci/run asks here which browser it has
    sys.exit(main())
