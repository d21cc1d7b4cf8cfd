"""Every plot of the series: a function takes data and an Axes and returns its finding as a sentence."""

from IPython.core.getipython import get_ipython

from labsupport.figures.board import board, board_figure, counters, hit_rates, lanes, question
from labsupport.figures.freshness import costs, rates_by_version, rolling_deploy, window_counters
from labsupport.figures.interleaved import orders, packets
from labsupport.figures.plots import (
    bars,
    curves,
    eight_answers,
    hit_rate_by_window,
    instances_over_time,
    latencies,
    over_time,
    running_reads,
)
from labsupport.figures.races import dashboards, finals, measured_bars, moves, two_histograms, windows
from labsupport.figures.structures import by_instance, deadlines_shared, growth, memory, needs
from labsupport.figures.style import ROLE, mark, panels, png, show
from labsupport.figures.ttls import deadlines, first_wave, five_lanes, generations, ghosts, trade
from labsupport.sentences import speak_plainly

__all__ = [
    "ROLE",
    "bars",
    "board",
    "board_figure",
    "by_instance",
    "costs",
    "counters",
    "curves",
    "dashboards",
    "deadlines",
    "deadlines_shared",
    "eight_answers",
    "finals",
    "first_wave",
    "five_lanes",
    "generations",
    "ghosts",
    "growth",
    "hit_rate_by_window",
    "hit_rates",
    "instances_over_time",
    "lanes",
    "latencies",
    "mark",
    "measured_bars",
    "memory",
    "moves",
    "needs",
    "orders",
    "over_time",
    "packets",
    "panels",
    "png",
    "question",
    "rates_by_version",
    "rolling_deploy",
    "running_reads",
    "show",
    "trade",
    "two_histograms",
    "window_counters",
    "windows",
]

if shell := get_ipython():  # a notebook without Redis calls no start_lab, but draws
    speak_plainly(shell)
