"""The long proof: every part of it in turn, and one report. It takes hours; a workflow runs it every week.

    python tests/soak/everything.py              # all parts
    python tests/soak/everything.py faults       # only these
    .ci/run --soak                               # installs what they need, then all parts

Status 1: something does not hold. What a part says is shown and kept in the report, .ci/soak/report.txt.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).parents[1]
REPORT = TESTS.parent / ".ci" / "soak" / "report.txt"
PARTS = {
    "scenarios": ["soak/scenarios.py"],
    "mutations": ["soak/mutations.py"],
    "checkers": ["soak/mutations.py", "--checkers"],
    "faults": ["soak/faults.py"],
    "company": ["soak/company.py"],
    "servers": ["soak/series.py", "--servers", "all", "--foreign"],
    "fifty": ["soak/series.py", "--servers", "all", "--times", "50", "--busy", "25"],
    "speed": ["benchmarks/speed.py"],
}
Tell = Callable[[str], None]


def prove(names: list[str], report: Path) -> int:
    """Run these parts in turn, whatever becomes of one; 1 if one does not hold, 130 if interrupted."""
    report.parent.mkdir(parents=True, exist_ok=True)
    began, statuses = time.monotonic(), {}
    with report.open("w", buffering=1) as kept:

        def tell(line: str) -> None:
            print(line, flush=True)
            kept.write(f"{line}\n")

        try:
            for name in names:
                statuses[name] = run(name, tell)
        except KeyboardInterrupt:
            tell("\nInterrupted.")
        last_words(names, statuses, time.monotonic() - began, tell)
    return 130 if len(statuses) < len(names) else int(any(statuses.values()))


def run(name: str, tell: Tell) -> int:
    """One part, its words passed on as they come; its exit status. Interrupted, it is waited for."""
    script, *options = PARTS[name]
    tell(f"\n== {name}: python tests/{' '.join([script, *options])}")
    began = time.monotonic()
    command = [sys.executable, str(TESTS / script), *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with process:
        try:
            for line in process.stdout or ():
                tell(line.rstrip("\n"))
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            tell(process.communicate()[0].rstrip("\n"))
            raise
    tell(f"-- {name}: {minutes(time.monotonic() - began)}, status {process.returncode}")
    return process.returncode


def last_words(names: list[str], statuses: dict[str, int], seconds: float, tell: Tell) -> None:
    """A line for each part, and one for all."""
    tell("")
    for name in names:
        status = statuses.get(name)
        tell(
            f"{name:10} {'not run' if status is None else f'FAILED, status {status}' if status else 'holds'}"
        )
    held = sum(status == 0 for status in statuses.values())
    tell(f"{held} of {len(names)} parts hold, after {minutes(seconds)}.")


def minutes(seconds: float) -> str:
    """Seconds for people."""
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def main(words: list[str]) -> int:
    """Read the options, run the parts; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--report", type=Path, default=REPORT, help="the file that gets the same words")
    options = parser.parse_args(words)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    return prove(options.parts or list(PARTS), options.report)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
