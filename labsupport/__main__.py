"""`python3 -m labsupport COMMAND`. Parses on Python 3.8: an old Python gets a sentence, not a SyntaxError."""

import shutil
import subprocess
import sys

OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")


def runs(name: str) -> bool:
    """Whether this machine has that Python, and not only a launcher that would ask for it to be installed."""
    found = shutil.which(name)
    return found is not None and subprocess.call([found, "-c", ""], stderr=subprocess.DEVNULL) == 0


def too_old() -> str:
    """What to do about a Python that cannot run the course."""
    found = next((name for name in NEWER if runs(name)), None)
    if found:
        remedy = "this machine also has {0}, so run: {0} -m labsupport lab".format(found)
    else:
        remedy = "install one from https://www.python.org/downloads/ and run: python3.14 -m labsupport lab"
    version = "{}.{}".format(*sys.version_info[:2])
    return "Your Python is too old: {}; this course needs 3.11 or newer; {}".format(version, remedy)


def main() -> int:
    """Refuse an old Python, then run the command that was asked for."""
    if sys.version_info < OLDEST:
        print(too_old(), file=sys.stderr)
        return 1
    from labsupport.setup.commands import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
