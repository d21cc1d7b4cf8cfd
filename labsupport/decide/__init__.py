"""A decision from a log: sweeps over every TTL and fleet, memory on the real server, and what to advise."""

from labsupport.decide.advice import Advice, recommend
from labsupport.decide.bounded import replay_bounded
from labsupport.decide.export import export_html
from labsupport.decide.memory import memory_used
from labsupport.decide.profile import Profile, profile
from labsupport.decide.sampled import whole_log
from labsupport.decide.shown import shown
from labsupport.decide.sweep import seconds_covered, sweep

__all__ = [
    "Advice",
    "Profile",
    "export_html",
    "memory_used",
    "profile",
    "recommend",
    "replay_bounded",
    "seconds_covered",
    "shown",
    "sweep",
    "whole_log",
]
