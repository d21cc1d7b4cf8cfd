"""Every plot of the series: a function takes data and an Axes and returns its finding as a sentence."""

from IPython.core.getipython import get_ipython

from labsupport.figures.board import board, board_figure, counters, hit_rates, lanes, question
from labsupport.figures.plots import (
    bars,
    curves,
    eight_answers,
    hit_rate_by_window,
    instances_over_time,
    latencies,
    over_time,
    running_reads,
    schedules,
)
from labsupport.figures.style import ROLE, mark, panels, png, show
from labsupport.sentences import speak_plainly

__all__ = [
    "ROLE",
    "bars",
    "board",
    "board_figure",
    "counters",
    "curves",
    "eight_answers",
    "hit_rate_by_window",
    "hit_rates",
    "instances_over_time",
    "lanes",
    "latencies",
    "mark",
    "over_time",
    "panels",
    "png",
    "question",
    "running_reads",
    "schedules",
    "show",
]

if shell := get_ipython():  # a notebook without Redis calls no start_lab, but draws
    speak_plainly(shell)
