"""What .docker/Dockerfile says, for the tests: its stages, and the files that its COPY lines bring."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from labsupport.setup.problem import ROOT

DOCKERFILE = ROOT / ".docker" / "Dockerfile"


def instructions() -> Iterator[tuple[str, str]]:
    """(word, rest) of each instruction."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if line and not line.startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, rest = line.split(maxsplit=1)
        yield word, rest


def stages() -> dict[str, list[tuple[str, str]]]:
    """Name -> the instructions that make it, those of the stage that it begins from first."""
    found: dict[str, list[tuple[str, str]]] = {}
    for word, rest in instructions():
        if word == "FROM":
            base, name = rest.split(" AS ")
            current = found[name] = list(found.get(base, []))
        else:
            current.append((word, rest))
    return found


def last(word: str, stage: str = "lab") -> str:
    """What this instruction says in the end."""
    return [rest for said, rest in stages()[stage] if said == word][-1]


def environment() -> dict[str, str]:
    """The variables of the lab's image."""
    said = [shlex.split(rest) for word, rest in stages()["lab"] if word == "ENV"]
    return dict(pair.split("=", 1) for words in said for pair in words)


def context(folder: Path) -> set[str]:
    """The files of `folder` that Docker would be given, as its own library reads the ignore file."""
    from docker.utils.build import exclude_paths  # .ci/run installs it

    lines = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    return {name for name in exclude_paths(str(folder), patterns) if (folder / name).is_file()}


def copy_to(root: Path) -> None:
    """Do below `root` what the COPY lines of the lab's image do."""
    files, place = context(ROOT), root
    for word, rest in stages()["lab"]:
        if word == "WORKDIR":
            place = root / rest.lstrip("/")
        if word == "COPY":
            *sources, target = rest.split()
            for source in sources:
                _copy(source, place / target, files)


def _copy(source: str, target: Path, files: set[str]) -> None:
    """A folder's content goes into the target; a file too, as all our targets for files are folders."""
    for name in files:
        if name == source:
            _put(name, target / Path(name).name)
        elif name.startswith(f"{source}/"):
            _put(name, target / Path(name).relative_to(source))


def _put(name: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ROOT / name, target)
