"""One-time passwords: readable on a card, kept as a hash in one file a person, gone with the first login."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from pathlib import Path

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another: no l, i, o, 0, 1
GROUPS, LENGTH = 3, 4  # 31 ** 12 passwords: nobody guesses one, so a fast scrypt is enough
LIFE = 7 * 86_400.0  # seconds; long enough to print the cards days before
WORK = 2**12  # scrypt's n: 10 ms and 4 MB, so that thirty logins at once do not hold up the hub


def readable() -> str:
    """A new secret that can be typed from paper, such as kx7m-q2wd-9hvt."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(LENGTH)) for _ in range(GROUPS))


def new_password(folder: Path, name: str) -> str:
    """Make a password, keep its hash in `folder`, and return it; an older one of this person is void."""
    password = readable()
    salt = secrets.token_bytes(16)
    draft = folder / f".{name}"
    draft.touch(mode=0o600)
    draft.write_text(f"{salt.hex()} {_hash(password, salt).hex()}", encoding="ascii")
    draft.replace(folder / name)  # the hub may read it at this moment: it sees the old one or the new one
    return password


def is_open(folder: Path, name: str) -> bool:
    """Whether this person has a password that would still be taken."""
    try:
        return time.time() - (folder / name).stat().st_mtime < LIFE
    except FileNotFoundError:
        return False


def use_password(folder: Path, name: str, password: str) -> str:
    """Use up this person's password; "" if it was right, else a sentence that says what is wrong."""
    if not is_open(folder, name):
        return f"The password of {name} was used already or is too old: each works once; ask for a new one."
    try:
        salt, kept = map(bytes.fromhex, (folder / name).read_text(encoding="ascii").split())
        if not hmac.compare_digest(_hash(password, salt), kept):
            return f"This is not the password on the card of {name}; type it once more, or ask for a new one."
        (folder / name).unlink()  # of two logins at once only one can do this
    except FileNotFoundError:
        return f"The password of {name} was used a moment ago: each works once; ask for a new one."
    return ""


def _hash(password: str, salt: bytes) -> bytes:
    plain = "".join(
        sign for sign in password.lower() if sign in LETTERS
    )  # as typed: dashes, spaces, capitals
    return hashlib.scrypt(plain.encode(), salt=salt, n=WORK, r=8, p=1)
