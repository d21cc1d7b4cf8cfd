"""Explorers: the figure follows the controls, in place, and a reader without a kernel sees it too."""

import base64
import gc
import io
import tracemalloc

import ipywidgets
import numpy as np
import pytest
from ipywidgets.widgets.widget import _instances
from matplotlib.figure import Figure
from matplotlib.image import imread

from labsupport import simulate, zipf_traffic
from labsupport.errors import BadArgument
from labsupport.explorers import FleetPicture, explore
from labsupport.figures import panels

TTLS, RATES = [5, 10, 30, 60, 120, 300, 600], [10, 20, 50, 100, 200, 500]
CONTROLS = {
    "instances": (1, 16),
    "ttl": ("TTL (s)", TTLS),
    "skew": (0.0, 2.0, 0.1),
    "rate": ("requests a second", RATES),
    "route": ["round_robin", "random", "by_key"],
    "caches": ["private", "shared"],
}


def line(points=3):
    figure, (ax,) = panels(width=3, height=2)
    ax.plot(range(points))
    return figure, f"{points} points. The last is at {points - 1}."


def displayed(explorer, monkeypatch):
    """What showing it sends out: a list of (data, metadata)."""
    sent = []
    monkeypatch.setattr(
        "labsupport.explorers.explorer.display",
        lambda data, raw, metadata=None: sent.append((data, metadata)),
    )
    explorer._ipython_display_()
    return sent


def pixels(png):
    return imread(io.BytesIO(png))


def test_it_starts_at_the_functions_own_defaults():
    explorer = explore(line, points=(1, 10))
    assert explorer.controls["points"].value == 3
    assert explorer.text == "3 points. The last is at 2."


def test_a_move_changes_picture_sentence_and_alternative_text():
    explorer = explore(line, points=(1, 10))
    before = explorer.png
    explorer.controls["points"].value = 7
    assert explorer.text == "7 points. The last is at 6."
    assert explorer.png != before
    assert f'alt="{explorer.text}"' in explorer._picture.value
    assert base64.b64encode(explorer.png).decode() in explorer._picture.value
    assert "7 points.<br>The last is at 6." in explorer._status.value


def test_the_picture_keeps_its_place_and_size():
    explorer = explore(line, points=(1, 10))
    height, width = pixels(explorer.png).shape[:2]
    explorer.controls["points"].value = 10
    assert pixels(explorer.png).shape[:2] == (height, width)
    assert f'width="{width}" height="{height}"' in explorer._picture.value


def test_a_reader_without_a_kernel_sees_the_picture_and_then_the_sentence(monkeypatch):
    explorer = explore(line, points=(1, 10))
    (first, about), (second, _) = displayed(explorer, monkeypatch)
    assert base64.b64decode(first["image/png"]) == explorer.png
    assert first["text/plain"] == second["text/plain"] == explorer.text
    assert about == {"image/png": {"alt": explorer.text}}
    assert "image/png" not in second


def test_there_is_no_output_widget_and_the_sliders_wait_until_they_stop():
    explorer = explore(FleetPicture(), **CONTROLS)

    def all_below(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from all_below(child)

    widgets = list(all_below(explorer._box))
    assert not any(isinstance(widget, ipywidgets.Output) for widget in widgets)
    sliders = [w for w in widgets if hasattr(w, "continuous_update")]
    assert len(sliders) == 4 and not any(s.continuous_update for s in sliders)


def test_an_error_while_moving_is_told_in_the_widget_and_the_next_move_works():
    def fragile(points=3):
        if points == 5:
            raise ValueError("no <five>")
        return line(points)

    explorer = explore(fragile, points=(1, 10))
    explorer.controls["points"].value = 5
    assert "ValueError: no &lt;five&gt;" in explorer._status.value
    explorer.controls["points"].value = 6
    assert explorer.text.startswith("6 points")


def test_text_in_the_sentence_cannot_become_markup():
    def sly(points=3):
        return line(points)[0], '<script>"'

    explorer = explore(sly, points=(1, 3))
    assert "<script>" not in explorer._picture.value + explorer._status.value


@pytest.mark.parametrize("control", [(1,), (1, 2, 3, 4), [], [1, "two"], "text", 5, (1, "b"), None])
def test_a_control_that_makes_no_sense_is_refused(control):
    with pytest.raises(BadArgument, match="points is"):
        explore(line, points=control)


def test_a_control_for_an_argument_that_is_not_there_is_refused():
    with pytest.raises(BadArgument, match="takes no such argument"):
        explore(line, dots=(1, 10))


def test_a_whole_widget_serves_as_it_is():
    slider = ipywidgets.IntSlider(value=4, min=2, max=9)
    assert explore(line, points=slider).text.startswith("4 points")


ENDS = {
    name: of[1] if isinstance(of, tuple) and isinstance(of[0], str) else of for name, of in CONTROLS.items()
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, end) for name, of in ENDS.items() for end in (of[0], of[1] if isinstance(of, tuple) else of[-1])],
)
def test_at_both_ends_of_every_control_it_shows_what_simulate_gives(name, value):
    picture = FleetPicture()
    at = {"instances": 4, "ttl": 60, "skew": 1.0, "rate": 20, "route": "round_robin", "caches": "private"}
    at[name] = value
    figure, sentence = picture(**at)
    traffic = zipf_traffic(100_000, 500, at["skew"], at["rate"], 204)
    hit = simulate(traffic, at["instances"], at["ttl"], at["caches"] == "shared", at["route"])
    one = simulate(traffic, 1, at["ttl"])
    assert f"{hit.mean():.1%} hits, {100_000 - hit.sum():,} reads at the origin" in sentence
    assert f"One shared cache: {one.mean():.1%}, {100_000 - one.sum():,} reads" in sentence
    left, right = figure.axes
    heights = np.array([bar.get_height() for bar in left.patches if bar.get_visible()])
    assert len(heights) == 2 * at["instances"]
    assert heights[: at["instances"]].sum() == hit.sum() and heights.sum() == 100_000
    dot = right.lines[-1].get_xydata()[0]
    assert dot == pytest.approx([at["instances"], hit.mean()])
    assert right.lines[1].get_ydata()[0] == pytest.approx(one.mean())


def test_moves_leave_nothing_behind():
    explorer = explore(FleetPicture(), **CONTROLS)

    def move(times):
        for number in range(times):
            explorer.controls["instances"].value = 1 + number % 2  # the fewer, the sooner drawn
            explorer.controls["ttl"].value = TTLS[number % 2]
        gc.collect()
        figures = sum(isinstance(thing, Figure) for thing in gc.get_objects())
        return figures, len(_instances), tracemalloc.get_traced_memory()[0]

    move(2)  # what is kept on purpose, such as the traffic, is there now
    tracemalloc.start()
    try:
        before, after = move(2), move(4)  # of two sliders each
    finally:
        tracemalloc.stop()
    assert after[:2] == before[:2]
    assert after[2] - before[2] < 100_000  # 8 pictures take 240,000 bytes, and none is kept


def test_the_plain_function_gives_the_picture_that_the_slider_starts_with():
    _, sentence = FleetPicture()(instances=4, ttl=60)
    explorer = explore(FleetPicture(), **CONTROLS)
    assert sentence == explorer.text
