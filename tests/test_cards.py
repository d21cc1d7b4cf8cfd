"""The cards of notebook 06: they run in the order in which they lie, on a real server, at every move."""

from __future__ import annotations

import base64
import itertools
import sys

import pytest

from labsupport import run_every_order
from labsupport.explorers.cards import Deck, cards
from labsupport.explorers.progress import progress

NAMES = ["GET", "SET"]
WORDS = {0: "not sold yet", 1: "sold once", 2: "sold twice"}


class BoxOffice:
    """Two sellers and one seat on a real server."""

    def __init__(self, lab):
        self.redis, self.seats, self.sold, self.left = lab.redis, lab.keys.name("seats"), 0, {}

    def open(self):
        self.redis.set(self.seats, 1)
        self.sold, self.left = 0, {}
        return [[lambda a=a: self.get(a), lambda a=a: self.set(a)] for a in (0, 1)]

    def look(self):
        return int(self.redis.get(self.seats))

    def get(self, seller):
        self.left[seller] = self.look()
        return f"reads {self.left[seller]}"

    def set(self, seller):
        if not self.left[seller]:
            return "sells nothing"
        self.redis.set(self.seats, self.left[seller] - 1)
        self.sold += 1
        return f"writes {self.left[seller] - 1}, sells"

    def close(self):
        self.redis.delete(self.seats)
        return self.sold


@pytest.fixture
def office(lab):
    return BoxOffice(lab)


@pytest.fixture
def table(office):
    return cards(office.open, office.close, office.look, NAMES, WORDS)


def buttons(table):
    """By their text, without the place in the order."""
    return {b.description.rpartition(": ")[2]: b for b in table.controls["hand"].children}


def lay(table, *names):
    for name in ("Start over", *names):
        buttons(table)[name].click()


def test_it_begins_with_one_seller_after_the_other(table):
    assert table.text == (
        "A GET reads 1; A SET writes 0, sells; B GET reads 0; B SET sells nothing: sold once. "
        "1 of 6 orders seen."
    )
    assert [b.description for b in table.controls["hand"].children] == [
        "1: A GET", "3: B GET", "2: A SET", "4: B SET", "Take back", "Start over",
    ]  # fmt: skip


def test_every_card_that_is_laid_runs_at_once_and_the_picture_changes(table):
    lay(table)
    assert table.text == "No command has run: not sold yet. 1 of 6 orders seen."
    pictures = {table.png}
    for name, said in [
        ("A GET", "reads 1"),
        ("B GET", "reads 1"),
        ("A SET", "0, sells"),
        ("B SET", "0, sells"),
    ]:
        buttons(table)[name].click()
        assert f"{name} " in table.text and table.text.partition(": ")[0].endswith(said)
        pictures.add(table.png)
    assert len(pictures) == 5
    assert "sold twice. 2 of 6 orders seen." in table.text


def test_between_the_commands_stands_what_redis_really_holds(table, monkeypatch):
    drawn = []
    monkeypatch.setattr(sys.modules[cards.__module__], "moves", lambda ax, *data: drawn.append(data) or "")
    lay(table, "A GET", "B GET", "A SET", "B SET")
    assert [values for *_, values, _ in drawn] == [[1], [1] * 2, [1] * 3, [1] * 3 + [0], [1] * 3 + [0] * 2]


def test_each_of_the_six_orders_ends_as_it_does_without_the_cards(table, office):
    ends = run_every_order(office.open, office.close)
    for schedule, final in zip(ends["schedule"], ends["final"]):
        count = [0, 0]
        names = []
        for who in schedule:
            names.append(f"{'AB'[who]} {NAMES[count[who]]}")
            count[who] += 1
        lay(table, *names)
        assert WORDS[final] in table.text
    assert table.text.endswith("6 of 6 orders seen.")


def test_the_commands_are_real_ones_and_leave_no_key(table, lab, office):
    sent = lab.redis.commands
    lay(table, "B GET")
    assert lab.redis.commands > sent
    assert lab.redis.dbsize() == 0


@pytest.mark.parametrize(
    ("laid", "card", "sentence"),
    [
        ([], "A SET", "A SET cannot come before A GET, which tells it what to write: lay that first."),
        (["A GET"], "B SET", "B SET cannot come before B GET, which tells it what to write: lay that first."),
        (["A GET", "A SET"], "A GET", "A GET is on the table already: take cards back, or start over."),
    ],
)
def test_a_card_that_cannot_be_next_is_refused_in_a_sentence_and_the_others_stay(table, laid, card, sentence):
    lay(table, *laid)
    before = table.text.partition(": ")[0], table.controls["hand"].value.schedule
    buttons(table)[card].click()
    assert table.text.endswith(sentence)
    assert (table.text.partition(": ")[0], table.controls["hand"].value.schedule) == before
    free = next(name for name in ("A GET", "B GET") if name not in laid)
    buttons(table)[free].click()
    assert "seen." in table.text


def test_on_a_full_table_the_next_card_begins_a_new_order(table):
    buttons(table)["B GET"].click()  # the very first click of a learner
    assert table.text == "B GET reads 1: not sold yet. 1 of 6 orders seen."
    for name in ("A GET", "B SET", "A SET"):
        buttons(table)[name].click()
    assert "sold twice. 2 of 6 orders seen." in table.text
    buttons(table)["A SET"].click()
    assert table.text.startswith("No command has run: not sold yet. A SET cannot come before A GET")


def test_a_card_is_taken_back_and_can_be_laid_again(table):
    lay(table, "A GET", "A SET", "B GET")
    buttons(table)["Take back"].click()
    assert table.controls["hand"].value.schedule == (0, 0)
    buttons(table)["B GET"].click()
    assert table.controls["hand"].value.schedule == (0, 0, 1)
    lay(table)
    buttons(table)["Take back"].click()
    assert table.controls["hand"].value.schedule == ()


def test_no_way_of_clicking_breaks_the_order_of_a_sellers_own_commands():
    deck = Deck(NAMES)
    *four, _, start_over = deck.children
    for clicks in itertools.product(range(4), repeat=4):
        start_over.click()
        ran = []
        for card in clicks:
            before = len(deck.value.schedule)
            four[card].click()
            ran += [card] * (len(deck.value.schedule) - before)
        # Each card at most once, and a GET (cards 0 and 1) before the same seller's SET (2 and 3).
        assert len(set(ran)) == len(ran)
        assert all(card - 2 in ran[: ran.index(card)] for card in ran if card >= 2)
        assert deck.value.schedule == tuple(card % 2 for card in ran)


def test_a_reader_without_a_kernel_sees_the_first_order(table, monkeypatch):
    sent = []
    monkeypatch.setattr(
        "labsupport.explorers.explorer.display", lambda data, raw, metadata=None: sent.append(data)
    )
    table._ipython_display_()
    assert base64.b64decode(sent[0]["image/png"]) == table.png
    assert sent[0]["text/plain"] == sent[1]["text/plain"] == table.text


def test_progress_yields_every_item_and_says_how_many_are_done(monkeypatch):
    shown = []
    monkeypatch.setattr(sys.modules[progress.__module__], "display", shown.append)
    taken = []
    for item in progress(range(3), "runs <in all>"):
        taken.append(item)
        assert f'max="3" value="{item}"' in shown[0].value
        assert f"{item} of 3" in shown[0].value
    assert taken == [0, 1, 2]
    [bar] = shown
    assert 'value="3"' in bar.value and "runs &lt;in all&gt;" in bar.value
    assert bar._repr_mimebundle_()["text/plain"] == "runs <in all>: 3"


def test_progress_says_the_same_to_readers_without_a_kernel_however_far_it_has_come(monkeypatch):
    shown = []
    monkeypatch.setattr(sys.modules[progress.__module__], "display", shown.append)
    said = []
    for _ in progress("ab", "runs"):
        said.append(shown[0]._repr_mimebundle_()["text/plain"])
    assert said == ["runs: 2", "runs: 2"]


def test_progress_over_many_items_sends_few_messages_and_ends_full(monkeypatch):
    shown, sent = [], []
    monkeypatch.setattr(sys.modules[progress.__module__], "display", shown.append)
    for _ in progress(range(1_000), "runs"):
        if shown[0].value not in sent:
            sent.append(shown[0].value)
    assert len(sent) <= 51
    assert "1,000 of 1,000" in shown[0].value
