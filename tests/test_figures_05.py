"""The plots of notebook 05, through their artists; `TYPICAL` is also held to the look of the house."""

from __future__ import annotations

import pandas as pd
from artists import words
from matplotlib.colors import to_hex

from labsupport.figures import ROLE, by_instance, deadlines_shared, growth, memory, needs, packets


def colours(patches):
    return [to_hex(patch.get_facecolor()).upper() for patch in patches]


GREY, BLUE = ROLE["other"].upper(), ROLE["shared"].upper()


def requests(*rows):
    return pd.DataFrame(rows, columns=["instance", "need", "way", "bytes"])


def test_needs_draws_the_mean_of_each_need_for_blob_and_structure(ax):
    work = requests(
        (0, "the title", "blob", 2_000),
        (1, "the title", "blob", 3_000),
        (0, "the title", "structures", 80),
        (0, "a view", "blob", 4_000),
        (0, "a view", "structures", 50),
    )
    finding = needs(ax, work, {"the title": "hash", "a view": "counter"})
    assert [bar.get_width() for bar in ax.patches] == [2_500, 80, 4_000, 50]
    assert all(bar.get_x() == 0 for bar in ax.patches)
    assert colours(ax.patches) == [GREY, BLUE, GREY, BLUE]
    assert words(ax) == ["2,500  blob", "80  hash", "4,000  blob", "50  counter"]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["the title", "a view"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first need on top
    assert finding == (
        "Bytes a request, from the blob and from its own structure: the title 2,500 and 80 (hash), "
        "a view 4,000 and 50 (counter)."
    )


def test_memory_stacks_the_parts_of_each_design_and_marks_its_numbers(ax):
    finding = memory(ax, {"blob": {"all in one": 2_000}, "structures": {"string": 1_500, "markers": 2_500}})
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0, 2_000), (0, 1_500), (1_500, 2_500)]
    assert colours(ax.patches) == [GREY, BLUE, BLUE]
    assert words(ax) == ["all in one", "2,000 bytes", "string", "markers", "4,000 bytes"]
    assert finding == "Memory: blob [here: 2,000 bytes], structures [here: 4,000 bytes]."


def test_growth_draws_measured_dots_on_the_line_of_the_rule(ax):
    measured = {"blob": ([250, 28_000], "other"), "hash": ([81, 81], "shared")}
    finding = growth(ax, [1, 320], measured, {"blob": [250, 28_000], "hash": [81, 81]})
    dots = [list(line.get_ydata()) for line in ax.lines if line.get_marker() == "o"]
    rules = [list(line.get_ydata()) for line in ax.lines if line.get_linestyle() == "--"]
    assert dots == rules == [[250, 28_000], [81, 81]]
    assert sorted(words(ax)) == ["blob: 28,000", "hash: 81"]
    assert finding == (
        "blob 250 bytes with 1 lesson, 28,000 with 320; hash 81 bytes with 1 lesson, 81 with 320; "
        "the dashed rule is exact."
    )


def test_growth_says_so_if_the_rule_is_off(ax):
    assert growth(ax, [1, 2], {"blob": ([250, 300], "other")}, {"blob": [250, 301]}).endswith("rule is off.")


def test_by_instance_draws_a_pair_of_bars_for_each_instance(ax):
    work = requests(
        (0, "the title", "blob", 200_000),
        (0, "a view", "blob", 60_000),
        (0, "the title", "structures", 48_000),
        (1, "the title", "blob", 249_400),
        (1, "the title", "structures", 50_000),
    )
    finding = by_instance(ax, work)
    assert [bar.get_height() for bar in ax.patches] == [260_000, 249_400, 48_000, 50_000]
    assert colours(ax.patches) == [GREY, GREY, BLUE, BLUE]
    assert words(ax) == ["260k", "249k", "blob", "48k", "50k", "structures"]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["A", "B"]
    assert finding == "bytes with the blob and with structures: A 260,000 and 48,000, B 249,400 and 50,000"


def test_deadlines_shared_draws_each_entry_until_the_next_fill_and_what_is_stale_hatched(ax):
    life = pd.DataFrame(
        {
            "at": [0.0, 0.0, 50.0, 50.0, 100.0, 100.0],
            "instance": [0, 1] * 3,
            "hit": [False, False, True, True, True, False],
            "stale": [False, False, True, True, True, False],
        }
    )
    finding = deadlines_shared(ax, life, changed=40, names=["blob", "hash +\ncounter"], views=[3, 1])
    spans = [(bar.get_x(), bar.get_width(), bar.get_hatch()) for bar in ax.patches]
    assert spans[:2] == [(0, 40, None), (40, 60, "////")]  # the blob's first entry lives to the end
    assert spans[2:4] == [(0, 40, None), (40, 60, "////")]  # the hash's until it is filled anew
    assert spans[4] == (100, 0, None)
    fills = [tuple(line.get_xydata()[0]) for line in ax.lines if line.get_marker() == "^"]
    assert fills == [(0, 0), (0, 1), (100, 1)]
    assert words(ax) == ["3 views", "1 view", "origin changes"]
    assert finding == "blob 1 fill, 2 stale, 3 views; hash + counter 2 fills, 1 stale, 1 view"


BOOKING = {
    "pipeline": [(["DECR"], [29, 0]), (["INCR"], [29, 1])],
    "transaction": [(["MULTI", "DECR"], [30, 0]), (["INCR", "EXEC"], [29, 1])],
}


def test_packets_draws_each_packets_commands_and_then_what_another_sees(ax):
    finding = packets(ax, BOOKING, total=30)
    boxes = [text for text in ax.texts if text.get_text() not in ("packet 1", "packet 2", "another sees")]
    assert [text.get_text() for text in boxes] == [
        *["DECR", "29 + 0 = 29", "INCR", "29 + 1 = 30"],
        *["MULTI", "DECR", "30 + 0 = 30", "INCR", "EXEC", "29 + 1 = 30"],
    ]
    assert [text.get_position() for text in boxes[:4]] == [(2, 0), (3, 0), (5, 0), (6, 0)]
    assert [text.get_position()[0] for text in boxes[4:]] == [1, 2, 3, 4, 5, 6]  # looks below looks
    assert [text.get_text() for text in boxes if text.get_fontweight() == "bold"] == ["29 + 0 = 29"]
    looks = [box for box in ax.patches if colours([box]) == [ROLE["pale"].upper()]]
    assert len(ax.patches) == 10 and len(looks) == 4
    heads = {text.get_text(): text.xy[0] for text in ax.texts if text not in boxes}
    assert heads == {"packet 1": 1.5, "packet 2": 4.5, "another sees": 6}
    assert finding == (
        "By pipeline another sees 29 + 0 = 29, then 29 + 1 = 30. "
        "By transaction another sees 30 + 0 = 30, then 29 + 1 = 30."
    )


LIFE = pd.DataFrame({"at": [0.0, 50.0], "instance": 0, "hit": [False, True], "stale": [False, True]})
PAIR = requests((0, "the title", "blob", 2_000), (0, "the title", "structures", 80))

TYPICAL = {
    "by_instance": lambda ax, d: by_instance(ax, PAIR.assign(bytes=PAIR["bytes"] + d)),
    "deadlines_shared": lambda ax, d: deadlines_shared(ax, LIFE, 40, ["blob"], [2 + d]),
    "growth": lambda ax, d: growth(ax, [1, 9], {"blob": ([250, 900 + d], "other")}, {"blob": [250, 900]}),
    "memory": lambda ax, d: memory(ax, {"blob": {"all": 2_000}, "structures": {"string": 1_500 + d}}),
    "packets": lambda ax, d: packets(ax, {"pipeline": [(["DECR"], [29 + d, 0])]}, 30),
    "needs": lambda ax, d: needs(ax, PAIR.assign(bytes=PAIR["bytes"] + d), {"the title": "hash"}),
}
