"""From a slider's move to the new picture, in a kernel: the course's explorer beside ipywidgets' `interact`.

Both run the same function, as a learner's cell would. tests/browser/latency.py measures what a browser adds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import nbformat
from benchmarks.kernels import MARK, run
from benchmarks.table import Group, Size

EXPLORER, SAME, NEW = "explore", "interact, the same function", "interact, a new figure each time"
MEASURE = """
import json, time
import ipywidgets
from IPython.display import display
from labsupport.explorers import FleetPicture, explore
from labsupport.figures.style import png

kept = FleetPicture()
said, drawn = {}, {}

def same(ttl=60):
    figure, said["same"] = kept(ttl=ttl)
    display(figure)
    print(said["same"])

def new(ttl=60):
    figure, said["new"] = FleetPicture()(ttl=ttl)
    display(figure)
    print(said["new"])

ours = explore(FleetPicture(), ttl=(1, 600))
range_ = dict(min=1, max=600, value=60, continuous_update=False)
theirs = [ipywidgets.interactive(draw, ttl=ipywidgets.IntSlider(**range_)) for draw in (same, new)]
sliders = [ours.controls["ttl"], *(one.children[0] for one in theirs)]

def moved(slider, ttl):
    start = time.perf_counter()
    slider.value = ttl  # returns when every observer has returned
    return 1_000 * (time.perf_counter() - start)

ttls = range(100, 100 + 10 * MOVES, 10)
for slider in sliders:  # the traffic is made and the laws are computed before
    for ttl in ttls:
        moved(slider, ttl)
    slider.value = 60
took = [[moved(slider, ttl) for slider in sliders] for ttl in ttls]
figure, sentence = FleetPicture()(ttl=ttls[-1])
"""
ANSWER = f"""
equal = [said["same"] == ours.text, said["new"] == sentence == ours.text and png(figure) == ours.png]
print("{MARK}" + json.dumps([list(zip(*took)), equal]))
"""


def groups(size: Size) -> Iterator[Group]:
    """One group: milliseconds of each move."""
    moves = 2 if size.small else 3 * size.rounds
    cells = [MEASURE.replace("MOVES", str(moves)), ANSWER]
    took, equal = json.loads(run(nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))))
    peers = SAME, NEW
    yield Group(
        "explorer: from a slider's move to the picture of 100,000 requests, in the kernel",
        "milliseconds",
        dict(zip((EXPLORER, *peers), took)),
        "last sentence and picture",
        [who for who, same in zip(peers, equal) if not same],
    )
