"""Run every mutation of mutations.toml: its notebook or tests are green without it, and go red with it.

With --checkers the same for the checks of the exercises, whose mutations are made automatically.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import mutating
from mutating import Mutation


def lessons(names: list[str]) -> int:
    """Try the mutations of these names, or all; how many do not do as they should."""
    chosen = [mutation for mutation in mutating.mutations() if not names or mutation.name in names]
    for mutation in chosen:  # before anything is run: a stale list is an error
        mutating.mutated(mutation, (mutating.ROOT / mutation.file).read_text("utf-8"))
    with tempfile.TemporaryDirectory(prefix="lab-mutated-") as folder:
        copy = mutating.copied(Path(folder))
        wrong = sum(not _green(copy, red) for red in sorted({tuple(each.red) for each in chosen}))
        survivors = [mutation.name for mutation in chosen if not _red(copy, mutation)]
    print(f"lesson mutations: {len(chosen)}, noticed: {len(chosen) - len(survivors)}, survivors: {survivors}")
    return wrong + len(survivors) + (not chosen)


def _green(copy: Path, red: tuple[str, ...]) -> bool:
    ran = mutating.run(copy, list(red))
    is_green = "green" if ran.green else "NOT GREEN"
    print(f"{is_green}, {ran.tests} tests without a mutation: {' '.join(red)}", flush=True)
    if not ran.green:
        print(ran.message[-2_000:])
    return ran.green


def _red(copy: Path, mutation: Mutation) -> bool:
    ran = mutating.tried(copy, mutation, mutation.red)
    said = ran.failed or "all held"
    if not ran.red and not ran.green:
        said = f"it was not noticed, it could not run: {ran.message[-1_000:]}"
    print(f"{'red' if ran.red else 'NOT RED'}: {mutation.name}: {said}", flush=True)
    return ran.red


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="these mutations only; with --checkers, these modules")
    parser.add_argument("--checkers", action="store_true", help="the checks of the exercises instead")
    parser.add_argument("--jobs", type=int, default=2, help="with --checkers: so many mutants at a time")
    options = parser.parse_args()
    if not options.checkers:
        return int(lessons(options.names) > 0)
    import checkers

    return checkers.main(options.names, options.jobs)


if __name__ == "__main__":
    sys.exit(main())
