"""Every plot of the series: a function takes data and an Axes and returns its finding as a sentence."""

from labsupport.figures import at_first as at_first
from labsupport.figures.board import board, board_figure, counters, hit_rates, lanes, question
from labsupport.figures.decide import memory_curve, origin_load, ttl_curves
from labsupport.figures.evidence import agreement, bounded_curve, burstiness
from labsupport.figures.freshness import costs, rates_by_version, rolling_deploy, window_counters
from labsupport.figures.full import kept_by_rank, policies, refusals
from labsupport.figures.hotkey import holders, stampede
from labsupport.figures.interleaved import orders, packets
from labsupport.figures.limits import by_instance_let, deliveries, let_through
from labsupport.figures.nearcache import failover, told_lanes
from labsupport.figures.outage import lives, lost_counter, outages, phases, slowness
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
from labsupport.figures.ttls import deadlines, fading_waves, first_wave, five_lanes, ghosts, trade

__all__ = [
    "ROLE",
    "agreement",
    "bars",
    "board",
    "board_figure",
    "bounded_curve",
    "burstiness",
    "by_instance",
    "by_instance_let",
    "costs",
    "counters",
    "curves",
    "dashboards",
    "deadlines",
    "deadlines_shared",
    "deliveries",
    "eight_answers",
    "fading_waves",
    "failover",
    "finals",
    "first_wave",
    "five_lanes",
    "ghosts",
    "growth",
    "hit_rate_by_window",
    "hit_rates",
    "holders",
    "instances_over_time",
    "kept_by_rank",
    "lanes",
    "latencies",
    "let_through",
    "lives",
    "lost_counter",
    "mark",
    "measured_bars",
    "memory",
    "memory_curve",
    "moves",
    "needs",
    "orders",
    "origin_load",
    "outages",
    "over_time",
    "packets",
    "panels",
    "phases",
    "png",
    "policies",
    "question",
    "rates_by_version",
    "refusals",
    "rolling_deploy",
    "running_reads",
    "show",
    "slowness",
    "stampede",
    "told_lanes",
    "trade",
    "ttl_curves",
    "two_histograms",
    "window_counters",
    "windows",
]
