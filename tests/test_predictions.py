"""What the learner believes is recorded once, stands once its outcome is shown, and is answered in words."""

import html
import itertools

import numpy as np
import pytest
from matplotlib.colors import to_hex
from refusals import refused

from labsupport.errors import LabError
from labsupport.figures import ROLE, panels, png
from labsupport.figures.guesses import Past, past_errors, three_marks
from labsupport.lab import ledger_file
from labsupport.lessons import texts
from labsupport.lessons.ledger import Ledger, ledger
from labsupport.lessons.predictions import errors_so_far, judge, predict, recorded
from labsupport.lessons.questions import Choice, Number, Question, questions

NAMES = list(texts.load("predictions"))
NUMBERS = [name for name in NAMES if isinstance(Question(name).kind, Number)]
CHOICES = [name for name in NAMES if isinstance(Question(name).kind, Choice)]


@pytest.fixture(autouse=True)
def empty_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_DATA", str(tmp_path / "data"))


@pytest.fixture
def ax():
    return panels(height=1.5)[1][0]


def record(name, value):
    box = predict(name)
    box.controls[name].value = value
    box.buttons[name].click()
    return box


def said(box):
    """The one status line of a box; on the page it stands in a live region, escaped."""
    [status] = box.statuses.values()
    assert "lab-status" in status._dom_classes and html.escape(status.text) in status.value
    return status.text


def plain(shown):
    return shown._repr_mimebundle_()["text/plain"]


def place_of(ax, shape):
    """Where the mark of this shape stands, if there is one."""
    return [float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() == shape]


# --- predict


def test_nothing_is_chosen_or_recorded_before_the_learner_does_it():
    box = predict("four-instances", "best-route")
    assert box.controls["best-route"].value is None
    assert {status.text for status in box.statuses.values()} == {"No prediction yet."}
    assert (recorded("four-instances"), recorded("best-route")) == (None, None)
    assert not ledger_file().parent.exists()


def test_a_number_counts_only_once_it_is_recorded():
    box = predict("four-instances")
    box.controls["four-instances"].value = 70
    assert recorded("four-instances") is None
    box.buttons["four-instances"].click()
    assert recorded("four-instances") == 70
    assert said(box) == "Recorded: 70 %. Run the next cell."


def test_the_slider_has_the_scale_its_unit_and_no_step_in_between():
    slider = predict("stale-seconds").controls["stale-seconds"]
    assert (slider.min, slider.max, slider.step, slider.value) == (0, 60, 1, 0)
    assert slider.description == "stale seconds (s)"
    assert slider.continuous_update is False
    assert type(slider).__name__ == "IntSlider"


def test_a_scale_of_fractions_has_a_slider_of_fractions(monkeypatch):
    monkeypatch.setitem(texts.load("predictions")["stale-seconds"], "step", 0.5)
    box = record("stale-seconds", 40.5)
    assert said(box) == "Recorded: 40.5 s. Run the next cell."
    assert recorded("stale-seconds") == 40.5


def test_a_choice_counts_as_soon_as_it_is_made():
    box = predict("best-route")
    box.controls["best-route"].value = "random"
    assert recorded("best-route") == "random"
    assert said(box) == "Recorded: at random. Run the next cell."


def test_a_prediction_can_be_changed_in_a_later_notebook_until_its_outcome_is_shown(ax):
    record("four-instances", 70)
    box = predict("four-instances")
    assert box.controls["four-instances"].value == 70
    assert said(box) == "Recorded: 70 %. You can change it until you have seen the outcome."
    box.controls["four-instances"].value = 65
    box.buttons["four-instances"].click()
    assert recorded("four-instances") == 65


@pytest.mark.parametrize(
    ("name", "first", "other", "words"),
    [
        ("four-instances", 70, 63, "Recorded: 70 %."),
        ("best-route", "random", "by_key", "Recorded: at random."),
    ],
)
def test_the_first_prediction_stands_after_its_outcome(ax, name, first, other, words):
    shown_before = record(name, first)
    judge(ax, name, measured=63 if name in NUMBERS else "by_key")
    shown_after = predict(name)
    for box in (shown_before, shown_after):
        box.controls[name].value = other
        box.buttons[name].click()
        assert recorded(name) == first
        assert said(box) == f"{words} You have seen the outcome, so the prediction stays."
        assert box.controls[name].value == first
        assert box.controls[name].disabled and box.buttons[name].disabled


def test_without_a_prediction_an_outcome_settles_nothing(ax):
    judge(ax, "four-instances", measured=62.9)
    assert not ledger_file().parent.exists()
    record("four-instances", 63)
    assert recorded("four-instances") == 63


def test_readers_without_a_kernel_see_the_same_words_whatever_is_recorded(ax):
    before = {name: plain(predict(name)) for name in NAMES}
    for name in NAMES:
        record(name, Question(name).kind.high if name in NUMBERS else next(iter(Question(name).kind.options)))
    recorded_only = {name: plain(predict(name)) for name in NAMES}
    for name in NAMES:
        judge(panels()[1][0], name, recorded(name))
    assert before == recorded_only == {name: plain(predict(name)) for name in NAMES}


def test_the_words_for_readers_without_a_kernel():
    assert plain(predict("stale-seconds", "hop-cost")) == (
        "An entry is filled at second 0 with a TTL of 60 seconds. At second 20 its title changes at the\n"
        "    origin. For how many seconds can the old title still be served? (0 to 60 s)\n"
        "A hit in Redis, on this machine, takes how many times as long as a hit in a dict? (about 5 times;\n"
        "    about 50 times; about 500 times)\n"
        "(Run this cell to record these predictions.)"
    )
    assert plain(predict("rank-128")).endswith(
        "dict? (0 to 100 %)\n(Run this cell to record your prediction.)"
    )
    assert "application/vnd.jupyter.widget-view+json" in predict("rank-128")._repr_mimebundle_()


@pytest.mark.parametrize("call", [predict, recorded, lambda name: judge(panels()[1][0], name, 1)])
def test_a_name_that_is_not_there_is_told_with_those_that_are(call):
    with pytest.raises(
        LabError, match=r"^there is no 'four' in texts/predictions.toml, only favourite-share, "
    ):
        call("four")


def test_predict_needs_a_name():
    refused(predict, "predict needs the name of a question")


@pytest.mark.parametrize("value", [101, -1, "70", "by_key"])
def test_a_record_that_cannot_be_an_answer_is_no_prediction(ax, value):
    ledger().predict("four-instances", value)
    assert recorded("four-instances") is None
    assert judge(ax, "four-instances", 62.9) == "Measured: 62.9 %. You made no prediction."
    assert said(predict("four-instances")) == "No prediction yet."


def test_an_option_that_is_gone_is_no_prediction():
    ledger().predict("best-route", "by_weather")
    assert recorded("best-route") is None


# --- judge

TOO_HIGH = Question("four-instances").kind.reply(70, 62.8)
TOO_LOW = Question("four-instances").kind.reply(20, 62.8)
CLOSE = Question("four-instances").kind.reply(63, 62.8)


def test_the_three_replies_differ():
    assert len({TOO_HIGH, TOO_LOW, CLOSE}) == 3


def test_nothing_predicted_is_one_neutral_sentence(ax):
    finding = judge(ax, "four-instances", measured=62.84, law=63.96)
    assert finding == "Measured: 62.8 %. The law says 64.0 %. You made no prediction."
    assert [text.get_text() for text in ax.texts] == ["measured 62.8 %", "law 64.0 %", "no prediction"]
    assert place_of(ax, "D") == []


@pytest.mark.parametrize(
    ("predicted", "far", "reply"),
    [
        (70, "7.2 points too high", TOO_HIGH),
        (20, "42.8 points too low", TOO_LOW),
        (66, "3.2 points too high", TOO_HIGH),
        (65, "2.2 points too high, which is close", CLOSE),
        (60, "2.8 points too low, which is close", CLOSE),
        (59, "3.8 points too low", TOO_LOW),
    ],
)
def test_how_far_off_and_what_that_usually_means(ax, predicted, far, reply):
    record("four-instances", predicted)
    finding = judge(ax, "four-instances", measured=62.84, law=63.1)
    assert (
        finding == f"You predicted {predicted} %, measured were 62.8 %: {far}. The law says 63.1 %. {reply}"
    )


def test_a_difference_of_exactly_close_is_close(ax):
    record("four-instances", 60)
    assert "3.0 points too low, which is close." in judge(ax, "four-instances", 63.0)


def test_no_difference_is_said_as_it_is(ax):
    record("eight-hits", 4)
    finding = judge(ax, "eight-hits", 4)
    assert finding.startswith(
        "You predicted 4 of 8, measured were 4 of 8: no difference. Each instance misses once"
    )


def test_the_difference_is_that_of_the_printed_numbers(ax):
    record("four-instances", 63)
    assert judge(ax, "four-instances", 62.96).startswith(
        "You predicted 63 %, measured were 63.0 %: no difference. "
    )


def test_counts_differ_without_a_unit(ax):
    record("eight-hits", 7)
    assert judge(ax, "eight-hits", 4).startswith(
        "You predicted 7 of 8, measured were 4 of 8: 3 too high. Seven "
    )


def test_a_choice_is_answered_by_what_lies_behind_it(ax):
    for key in Question("best-route").kind.options:
        reply = Question("best-route").kind.reply(key, "by_key")
        Ledger(ledger_file()).predict("best-route", key)
        finding = judge(panels()[1][0], "best-route", "by_key", law="one course, always one instance")
        text = Question("best-route").kind.options[key]
        home = "one course, always one instance"
        assert finding == f"You predicted: {text}. Measured: {home}. The law says: {home}. {reply}"
        ledger_file().unlink()


def test_an_option_may_be_named_by_its_key_its_text_or_its_number():
    for value in ("2", 2, 2.0, np.int64(2), "asked for 2 times a TTL"):
        finding = judge(panels()[1][0], "worst-x", value)
        assert finding == "Measured: asked for 2 times a TTL. You made no prediction."


def test_what_depends_on_the_machine_is_marked(ax):
    name = "hop-cost"
    assert judge(ax, name, 500, here=True) == "Measured: [here: about 500 times]. You made no prediction."
    assert "[here: 62.9 %]" in judge(ax, "four-instances", 62.9, here=True)
    record(name, "5")
    assert "predicted: about 5 times. Measured: [here: about 500 times]. In " in judge(
        ax, name, 500, here=True
    )
    record("four-instances", 70)
    assert "measured were [here: 62.9 %: 7.1 points too high]. " in judge(
        ax, "four-instances", 62.9, here=True
    )


def test_what_is_no_number_or_option_is_refused(ax):
    refused(lambda: judge(ax, "four-instances", "63"), "measured is '63'", "must be a number")
    refused(lambda: judge(ax, "four-instances", 63, law=None or float("nan")), "law is nan")
    refused(lambda: judge(ax, "best-route", "sticky"), "measured is 'sticky'", "'round_robin'", "'by_key'")
    refused(lambda: judge(ax, "best-route", True), "measured is True")


def test_the_outcome_is_recorded_once_there_is_a_prediction(ax):
    record("four-instances", 70)
    judge(ax, "four-instances", np.float64(62.9), law=63.1)
    assert ledger().outcomes() == {"four-instances": 62.9}


# --- the strip


@pytest.mark.parametrize("name", NUMBERS)
def test_the_sentence_has_the_numbers_of_the_marks(name, ax):
    kind = Question(name).kind
    record(name, kind.high)
    finding = judge(
        ax, name, measured=kind.low + 0.37 * (kind.high - kind.low), law=kind.low + 1, role="private"
    )
    [predicted], [law], [measured] = (place_of(ax, shape) for shape in "D|o")
    assert finding.startswith(
        f"You predicted {kind.predicted(predicted)}, measured were {kind.measured(measured)}: "
    )
    assert f" The law says {kind.measured(law)}. " in finding
    assert [text.get_text() for text in ax.texts] == [
        f"measured {kind.measured(measured)}",
        f"law {kind.measured(law)}",
        f"your prediction {kind.predicted(predicted)}",
    ]
    assert ax.get_xticklabels()[-1].get_text() == f"{kind.high:,} {kind.unit}"
    assert ax.get_xticklabels()[0].get_text() == f"{kind.low}"


def test_the_marks_differ_by_shape_colour_and_words(ax):
    record("four-instances", 70)
    judge(ax, "four-instances", 62.9, law=64, role="private")
    look = {line.get_marker(): to_hex(line.get_color()) for line in ax.lines if line.get_marker() in "D|o"}
    assert look == {
        shape: ROLE[r].lower() for shape, r in {"D": "origin", "|": "other", "o": "private"}.items()
    }


def test_the_options_stand_at_equal_distances(ax):
    record("best-route", "random")
    judge(ax, "best-route", "by_key", law="round_robin")
    assert [place_of(ax, shape) for shape in "D|o"] == [[1], [0], [2]]
    assert list(ax.get_xticks()) == [0, 1, 2, 3]
    labels = [tick.get_text().replace("\n", " ") for tick in ax.get_xticklabels()]
    assert labels == list(Question("best-route").kind.options.values())
    assert [text.get_text() for text in ax.texts] == ["measured", "law", "your prediction"]


def test_a_value_beyond_the_scale_is_drawn_where_it_is(ax):
    record("title-returns", 4)
    judge(ax, "title-returns", 20)
    assert ax.get_xlim() == (0, 20)


def boxes(ax):
    """Where words and marks are on the picture, in pixels: (texts, marks by shape)."""
    figure = ax.get_figure()
    png(figure)
    renderer = figure.canvas.get_renderer()
    words = [text.get_window_extent(renderer) for text in ax.texts]
    ticks = [tick.get_window_extent(renderer) for tick in ax.get_xticklabels()]
    marks = [
        line.get_window_extent(renderer) for line in ax.lines if line.get_marker() in ("D", "|", "o", "s")
    ]
    return words, ticks, marks, figure.bbox


def free_of_overlaps(ax):
    words, ticks, marks, page = boxes(ax)
    for one, other in itertools.combinations([*words, *ticks], 2):
        assert not one.overlaps(other)
    assert not any(word.overlaps(mark) for word in words for mark in marks)
    assert ax.get_window_extent().width > 0.88 * page.width  # no words beside the scale that would narrow it
    for word in words:
        assert page.x0 <= word.x0 and word.x1 <= page.x1 and page.y0 <= word.y0 and word.y1 <= page.y1


@pytest.mark.parametrize(
    "three",
    [(0, 0, 0), (100, 100, 100), (50, 50, 50), (63, 63.1, 62.8), (0, 50, 100), (100, 0, 50), (49, 50, 51)],
)
@pytest.mark.parametrize("title", ["", "A title"])
def test_words_never_overlap_on_a_scale_of_numbers(ax, three, title):
    predicted, law, measured = three
    record("four-instances", predicted)
    ax.set_title(title)
    judge(ax, "four-instances", measured, law=law)
    free_of_overlaps(ax)


def test_long_options_are_wrapped_below_the_scale(ax):
    options = dict.fromkeys(range(4), "one option of a good many words")
    three_marks(ax, (-0.5, 3.5), options, "", None, None, (3, "measured"))
    free_of_overlaps(ax)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("end", [0, -1])
def test_words_never_overlap_at_either_end_of_any_question(ax, name, end):
    kind = Question(name).kind
    value = list(kind.options)[end] if name in CHOICES else (kind.low, kind.high)[end]
    ax.set_title("A title")
    record(name, value)
    judge(ax, name, value, law=value)
    free_of_overlaps(ax)


def test_words_never_overlap_without_a_prediction(ax):
    judge(ax, "four-instances", 0, law=0)
    free_of_overlaps(ax)


# --- a file that cannot be used


def test_trouble_with_the_file_is_told_where_the_learner_looks_and_once(ax, tmp_path):
    (tmp_path / "data").touch()
    box = predict("four-instances", "best-route")
    first, second = (status.text for status in box.statuses.values())
    assert (
        first.startswith("No prediction yet. ")
        and "kept in this notebook only until its kernel ends" in first
    )
    assert second == "No prediction yet."
    box.controls["four-instances"].value = 70
    box.buttons["four-instances"].click()
    assert box.statuses["four-instances"].text == "Recorded: 70 %. Run the next cell."
    assert judge(ax, "four-instances", 62.9).startswith("You predicted 70 %")


@pytest.mark.parametrize("verdict", [lambda ax: judge(ax, "four-instances", 62.9), errors_so_far])
def test_trouble_is_told_at_the_verdict_if_nothing_was_predicted(ax, verdict, tmp_path):
    (tmp_path / "data").mkdir()
    ledger_file().write_text("something else")
    assert " holds nothing that can be read as a record, so your predictions " in verdict(ax)
    assert "holds nothing" not in verdict(ax)


# --- the errors of the series


def test_without_an_outcome_the_frame_is_empty_and_the_sentence_the_same(ax):
    sentence = "No prediction has an outcome yet: 37 questions of notebooks 00 to 09 wait."
    assert errors_so_far(ax) == sentence
    assert len(NAMES) == 37
    assert [tick.get_text() for tick in ax.get_xticklabels()] == [q.label for q in questions()]
    assert not any(line.get_marker() in ("o", "s") for line in ax.lines)
    assert [text.get_text() for text in ax.texts] == [f"0{number}" for number in range(10)]
    record("rank-128", 10)
    assert errors_so_far(panels()[1][0]) == sentence


def test_each_error_stands_at_its_question_as_a_share_of_its_scale(ax):
    outcomes = {
        "favourite-share": (50, 20),  # 30 %
        "stale-seconds": (60, 42),  # 30 % of 60
        "eight-hits": (8, 2),  # 75 %
        "six-orders": (2, 2),
        "double-ttl": ("same", "5"),
        "best-route": ("by_key", "by_key"),
    }
    for name, (predicted, measured) in outcomes.items():
        record(name, predicted)
        judge(panels()[1][0], name, measured)
    record("rank-128", 50)
    finding = errors_so_far(ax)
    drawn = {
        shape: {
            NAMES[round(x)]: y
            for line in ax.lines
            if line.get_marker() == shape
            for x, y in line.get_xydata()
        }
        for shape in "os"
    }
    assert drawn["o"] == pytest.approx(
        {"favourite-share": 0.3, "stale-seconds": 0.3, "eight-hits": 0.75, "six-orders": 0}
    )
    assert drawn["s"] == {"double-ttl": 1, "best-route": 0}
    assert [text.xy[0] for text in ax.texts if text.get_text() == "?"] == [NAMES.index("rank-128")]
    assert finding == (
        "6 of 37 predictions have an outcome: half of the numbers are off by at most 30 % of their scale, "
        "the furthest by 75 % (eight reloads); 1 of 2 choices are right."
    )


def test_only_choices_or_only_numbers_make_a_sentence_too():
    record("best-route", "random")
    judge(panels()[1][0], "best-route", "by_key")
    assert errors_so_far(panels()[1][0]).endswith(
        "1 of 37 predictions have an outcome: 0 of 1 choices are right."
    )
    ledger_file().unlink()
    record("eight-hits", 8)
    judge(panels()[1][0], "eight-hits", 4)
    assert errors_so_far(panels()[1][0]).endswith("the furthest by 50 % (eight reloads).")


def test_an_outcome_that_no_longer_fits_its_question_is_left_out():
    ledger().predict("best-route", "random")
    ledger().conclude("best-route", "by_weather", None)
    assert errors_so_far(panels()[1][0]).startswith("No prediction has an outcome yet")


@pytest.mark.parametrize("width", [6.5, 9])
def test_forty_predictions_stay_legible(width):
    [ax] = panels(width=width, height=2.8)[1]
    ax.set_title("A title")
    past_errors(
        ax, [Past("a label of words", f"{i // 4:02d}", i % 3 == 0, (i % 5) / 4, True) for i in range(40)]
    )
    words, ticks, marks, _ = boxes(ax)
    assert not any(word.overlaps(mark) for word in words for mark in marks)
    for one, other in itertools.combinations([*words, *ticks, ax.title.get_window_extent()], 2):
        assert not one.overlaps(other)


# --- the file of questions


@pytest.mark.parametrize("name", NAMES)
def test_every_question_is_well_formed(name):
    table, question = texts.entry("predictions", name), Question(name)
    assert question.text.endswith("?") and len(question.label) <= 20
    assert question.notebook in table["asked"] and table["asked"] == sorted(table["asked"])
    kind = question.kind
    if name in NUMBERS:
        assert kind.low <= kind.start <= kind.high and (kind.high - kind.low) % kind.step == 0
        assert 0 <= table["close"] < (kind.high - kind.low) / 10
        replies = [table[reply] for reply in ("too_low", "too_high", "close_by")]
    else:
        assert 3 <= len(kind.options) == len(set(kind.options.values())) == len(table["options"])
        replies = [option["reply"] for option in table["options"]]
    assert len(set(replies)) == len(replies)
    assert all(len(reply) > 80 and reply.rstrip().endswith(".") and "!" not in reply for reply in replies)


def test_the_questions_follow_the_series():
    assert [q.notebook for q in questions()] == sorted(q.notebook for q in questions())
    twice = {name: texts.entry("predictions", name)["asked"] for name in NAMES}
    assert {name: asked for name, asked in twice.items() if len(asked) > 1} == {
        "stale-seconds": ["00", "01"],
        "four-instances": ["00", "02"],
        "six-orders": ["00", "03"],
    }


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("four-instances", "unit"),
        ("four-instances", "too_low"),
        ("hop-cost", "options"),
        ("hop-cost", "label"),
        ("hop-cost", "kind"),
    ],
)
def test_a_question_that_lacks_something_is_told_with_its_file(monkeypatch, name, key):
    monkeypatch.delitem(texts.load("predictions")[name], key)
    with pytest.raises(LabError, match=rf"predictions.toml: the table \[{name}\] is not complete .*'{key}'"):
        predict(name)
