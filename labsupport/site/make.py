"""Write the site into a folder, whole or not at all."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from labsupport.errors import BadArgument
from labsupport.site.pages import MARK, index, page_of, series, whole
from labsupport.site.place import Place

STYLE = Path(__file__).with_name("style.css")


def site_files(root: Path) -> dict[str, bytes]:
    """Every file of the site by its name, made from the notebooks as they are committed; nothing is run."""
    here = (root / "notebooks").resolve()
    teaching = [path for path in here.glob("teaching/*") if path.suffix in (".md", ".ipynb")]
    groups = [sorted(here.glob("[0-9][0-9]-*.ipynb")), sorted(teaching, key=_guide_first)]
    names = {p: p.relative_to(here).with_suffix(".html").as_posix() for group in groups for p in group}
    files = {"style.css": STYLE.read_bytes()}
    made = []
    for group in groups:
        places = [Place(path, names[path], names, files) for path in group]
        pages = [page_of(place) for place in places]
        files |= {p.name: whole(page, p, series(pages, p)) for page, p in zip(pages, places, strict=True)}
        made.append(pages)
    first = Place(root / "README.md", "index.html", names, files)
    files[first.name] = whole(index(first, *made), first)
    return files


def _guide_first(path: Path) -> tuple[bool, str]:
    # it says what the other teaching pages are for
    return path.stem != "guide", path.name


def write(files: dict[str, bytes], target: Path) -> None:
    """Put the files into a folder, in the place of an earlier site; BadArgument if it holds anything else."""
    _refuse_to_replace(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".site-") as beside:
        fresh, old = Path(beside, "fresh"), Path(beside, "old")
        for name, content in files.items():
            (fresh / name).parent.mkdir(parents=True, exist_ok=True)
            (fresh / name).write_bytes(content)
        if target.exists():
            target.replace(old)
        fresh.replace(target)


def _refuse_to_replace(target: Path) -> None:
    first = target / "index.html"
    earlier = first.is_file() and MARK.encode() in first.read_bytes()[:2_000]
    if target.exists() and not earlier and (not target.is_dir() or any(target.iterdir())):
        raise BadArgument(f"{target} is there, and no earlier site; name another folder with --out.")


def main(root: Path, arguments: list[str]) -> int:
    """`site [--out FOLDER]`; says in one line what was written, and where it begins."""
    parser = argparse.ArgumentParser(
        "python3 -m labsupport site", description="Build a static site of the executed notebooks."
    )
    parser.add_argument("--out", default="site", metavar="FOLDER", help="where to (default: site)")
    target = root / parser.parse_args(arguments).out
    files = site_files(root)
    write(files, target)
    pages, size = sum(name.endswith(".html") for name in files), sum(map(len, files.values()))
    print(f"{pages} pages, {len(files)} files, {size / 1e6:.1f} MB: open {target / 'index.html'}")
    return 0
