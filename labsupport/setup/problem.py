"""What set-up needs to say when it cannot go on, and where the course lies."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class SetupProblem(Exception):
    """One sentence for the learner: what happened, what it means, what to do next."""
