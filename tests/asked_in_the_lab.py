"""Run in the lab's container, as its user: whether that user may do there what it should, and no more."""

import os
import urllib.error
import urllib.request
from pathlib import Path

from labsupport import start_lab

DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))
LAB = "http://127.0.0.1:8888"
LESSON = "/api/contents/00-start-here.ipynb?content=0"
TOKEN = {"Authorization": f"token {os.environ['JUPYTER_TOKEN']}"}


def page(**headers):
    """The answer's status for the learner's copy of a lesson."""
    try:
        return DIRECTLY.open(urllib.request.Request(LAB + LESSON, headers=headers)).status
    except urllib.error.HTTPError as refused:
        return refused.code


def write(path):
    """Why this file cannot be written; None if it can."""
    try:
        Path(path).write_text("mine")
    except OSError as refused:
        return refused.strerror


def kept():
    """Whether a notebook's Redis was started for it, and what it gives back."""
    lab = start_lab("00")
    key = lab.keys.name("course:204")
    lab.redis.set(key, "kept", ex=60)
    told = lab.owned, lab.redis.get(key).decode()
    lab.close()
    return told


lines = Path("/proc/self/status").read_text().splitlines()
status = dict(line.split(":\t") for line in lines if ":\t" in line)
answer = {
    "user": status["Uid"].split()[0],
    "capabilities": [int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")],
    "new privileges are impossible": status["NoNewPrivs"],
    "no token, token, other site": [
        page(),
        page(**TOKEN),
        page(Host="other.example", **TOKEN),
    ],
    "course": write("/srv/course/a"),
    "system": write("/usr/a"),
    "home": write("/home/learner/my-notebooks/a"),
    "tmp": write("/tmp/a"),
    "the service redis": kept(),
}
del os.environ["REDIS_URL"]
answer["a server of its own"] = kept()
assert answer == {
    "user": "1000",
    "capabilities": [0, 0, 0],
    "new privileges are impossible": "1",
    "no token, token, other site": [403, 200, 403],
    "course": "Read-only file system",
    "system": "Read-only file system",
    "home": None,
    "tmp": None,
    "the service redis": (False, "kept"),
    "a server of its own": (True, "kept"),
}, answer
print("All answers are right.")
