"""What must not get out with the course: secrets, and what tells of the machine that it was made on."""

from __future__ import annotations

import math
import re
import socket
import struct
import tempfile
import zlib
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
from nbformat import NotebookNode

from labsupport.setup.problem import ROOT

# Wherever they stand, also in the source of a test.
ANYWHERE = {
    "a token": r"\b(?:gh[oprsu]_|github_pat_|glpat-|xox[abeprs]-|sk-|npm_|pypi-Ag|hf_|AKIA)[\w-]{16,}",
    "a signed token": r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY",
    "an e-mail address": r"\b[\w.+-]+@(?!example\.)[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|dev|edu|eu|info)\b",
}
# An output says nothing of the like at all, not even within [here: ...].
IN_OUTPUTS = ANYWHERE | {
    "a password or token": r"(?i)\b(?:password|passwd|secret|api.?key|bearer|authorization|token(?! bucket))",
    "the address of a server": r"\b\w+://|\blocalhost\b|\b(?:\d{1,3}\.){3}\d{1,3}\b|\[?::1\]?:\d",
    "an absolute path": r"(?<![\w.)}*\]])/(?:home|root|tmp|Users|usr|var|opt|etc|proc|private|mnt|dev)\b"
    r"|~/\w|\b[A-Z]:\\\w",
    "a process or a port": r"(?i)\b(?:pid|process id|port)\b\W{0,3}\d+",
    "an address in memory": r"\b0x[0-9a-f]{6,}",
    "a random name": r"\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b",
    "an error": r"Traceback|\bstderr\b",
}
WORD = re.compile(r"[\w-]+")
LONG = re.compile(r"[\w+/=-]{20,}")
RANDOM = 4.0  # bits for each character; words and names in code have less


def of_this_machine() -> dict[str, str]:
    """How this machine, its user and its folders are called, as patterns; but for words that lessons use."""
    sources = (ROOT / "notebooks" / "src").glob("*.py")
    ours = {word for source in sources for word in WORD.findall(source.read_text("utf-8"))}
    machine, user = socket.gethostname(), psutil.Process().username()
    names = {
        "this machine's name": "" if machine in ours else machine,
        "this user's name": "" if user in ours else user,
        "this user's home": str(Path.home()),
        "this folder": str(ROOT),
        "the folder for temporary files": tempfile.gettempdir(),
    }
    return {what: rf"(?<![\w-]){re.escape(name)}(?![\w-])" for what, name in names.items() if name}


def leaks(text: str, patterns: dict[str, str]) -> list[str]:
    """What was found, each as "a token: ghp_..."."""
    found = [(what, m[0]) for what, pattern in patterns.items() for m in re.finditer(pattern, text)]
    found += [("a random string", word) for word in LONG.findall(text) if _is_random(word)]
    return [f"{what}: {word}" for what, word in found]


def _is_random(word: str) -> bool:
    """As a key or a token is: many different characters, letters and digits in a jumble."""
    counts = Counter(word)
    bits = -sum(n / len(word) * math.log2(n / len(word)) for n in counts.values())
    kinds = [any(map(of, word)) for of in (str.islower, str.isupper, str.isdigit)]
    return bits > RANDOM and sum(kinds) == 3


def texts_of(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """(where, text) for all that a notebook carries and nobody has written: outputs and metadata."""
    yield from (("the notebook's metadata", text) for text in _strings(notebook.metadata))
    for cell in notebook.cells:
        for part in (cell.metadata, *cell.get("outputs", [])):
            yield from ((cell.id, text) for text in _strings(part))


def _strings(value: object, name: str = "") -> Iterator[str]:
    """Every text in it, names too; of a picture what it says beside its pixels."""
    if isinstance(value, Mapping):
        for key, inside in value.items():
            yield from (key, *_strings(inside, key))
    elif isinstance(value, list | tuple):
        for inside in value:
            yield from _strings(inside, name)
    else:
        yield text_in_png(b64decode(value)) if name == "image/png" and isinstance(value, str) else str(value)


def text_in_png(png: bytes) -> str:
    """All that a PNG says beside its pixels: words, EXIF, a profile, and what stands behind its end."""
    said, at = [], 8
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        content = png[at + 8 : at + 8 + size]
        at += 12 + size
        if kind == b"IEND":
            break
        if kind not in (b"IHDR", b"IDAT", b"PLTE", b"pHYs", b"tRNS"):
            said.append(kind + b" " + _unpacked(kind, content))
    return b"\n".join([*said, png[at:]]).decode("latin-1")


def _unpacked(kind: bytes, content: bytes) -> bytes:
    head, _, packed = content.partition(b"\0")
    try:
        return (
            head + b" " + zlib.decompress(packed.lstrip(b"\0\1"))
            if kind in (b"zTXt", b"iCCP", b"iTXt")
            else content
        )
    except zlib.error:
        return content
