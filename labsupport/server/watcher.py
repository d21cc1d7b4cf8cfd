"""Runs one server in a folder of its own, and ends both when the process that started it is gone.

Started as a plain script with only the standard library: `python watcher.py FOLDER COMMAND...`.
Its stdin is a pipe of which only the starting process holds the other end, so end of file means that this
process has ended, SIGKILL included. Its stdout tells that process first the server's pid, and at the end the
last line of the server's log.
"""
# ruff: noqa: PTH102, PTH118, PTH123
# ... because importing pathlib would add a tenth to the time that a start takes.

import os
import shutil
import signal
import subprocess
import sys
import threading


def run(folder: str, command: list[str]) -> None:
    """Make the folder, run the command in it until it ends or has to, remove the folder."""
    os.mkdir(folder, 0o700)  # here, not in the starter: killed in between, it would leave the folder behind
    try:
        _serve(folder, command)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _serve(folder: str, command: list[str]) -> None:
    silent = subprocess.DEVNULL
    server = subprocess.Popen(command, cwd=folder, stdin=silent, stdout=silent, stderr=silent)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: server.kill())
    threading.Thread(target=_end_with_starter, args=(server,), daemon=True).start()
    try:
        print(server.pid, flush=True)
        server.wait()
        print(_last_line(os.path.join(folder, "log")), flush=True)
    except BrokenPipeError:  # nobody listens any more
        server.kill()
        server.wait()


def _end_with_starter(server: "subprocess.Popen[bytes]") -> None:
    sys.stdin.buffer.read()  # returns at end of file
    server.kill()  # not terminate: nothing is worth saving, and a frozen server would not hear it


def _last_line(path: str) -> str:
    try:
        with open(path, errors="replace") as log:
            return log.read().strip().rpartition("\n")[2]
    except OSError:
        return ""


if __name__ == "__main__":
    try:
        run(sys.argv[1], sys.argv[2:])
    except OSError as error:  # no room for the folder, or not a program this machine can run
        os.write(1, f"{error.strerror}\n".encode())
    os._exit(0)  # at once: the thread still waits on stdin
