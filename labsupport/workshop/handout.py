"""What the instructor hands out: one row and one card a learner, and a page for the instructor alone."""

from __future__ import annotations

import csv
import html
import io
import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from urllib.parse import urlsplit

from labsupport.setup.problem import SetupProblem
from labsupport.workshop.passwords import is_open, new_password
from labsupport.workshop.room import INSTRUCTOR, Room


@dataclass(frozen=True)
class Card:
    """What one person needs to get in. All but the name and the address is secret."""

    name: str
    address: str
    password: str
    class_url: str


STYLE = """
@page { size: A4; margin: 11mm }
* { box-sizing: border-box; margin: 0 }
body { font: 12pt/1.35 sans-serif; color: #000; background: #fff }
main { display: grid; grid-template-columns: 1fr 1fr; padding-right: 1mm }
section { height: 68mm; padding: 5mm 6mm; break-inside: avoid;
  border: .3mm dashed #888; margin: 0 -.3mm -.3mm 0 }
h1 { font-size: 16pt }
p { margin-top: 2mm }
b, code { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; word-break: break-all }
b { font-size: 19pt }
code { font-size: 10pt }
span { white-space: nowrap }
small { font-size: 10pt }
"""
HUB = """<section><h1>{name}</h1>
<p>Open <code>{address}</code></p>
<p>Name <code>{name}</code>, password</p>
<p><b>{password}</b></p>
<p><small>It works once: type it in the browser you will work in, and stay logged in.
Reloading or closing the page loses nothing.</small></p></section>"""
LAPTOP = """<section><h1>{name}</h1>
<p>On your laptop, in the folder of the course:</p>
<p><code>export LAB_CLASS_URL=<br><span>{class_url}</code></p>
<p><code>python3 -m labsupport lab</code></p>
<p><small>The address is yours alone. It joins your notebooks to the class.</small></p></section>"""
ALONE = """For the instructor alone.

name      {card.name}
address   {card.address}
password  {card.password}

The dashboard of the class needs LAB_INSTRUCTOR_URL. In the hub it is set; in a lab of your own:

LAB_INSTRUCTOR_URL={card.class_url} python3 -m labsupport lab
"""


def make_cards(room: Room, address: str, class_urls: dict[str, str]) -> list[Card]:
    """One card a person. A password that was not used yet stays; where there is none, a new one is made."""
    kept = {card.name: card.password for card in read_cards(room)}

    def password(name: str) -> str:
        if name in kept and is_open(room.secret, name):
            return kept[name]
        return new_password(room.secret, name)

    return [Card(name, address, password(name), class_urls[name]) for name in room.people]


def renew(folder: Path, name: str) -> str:
    """Give this person a new password, in the hand-out too. Raises SetupProblem: there is no such person."""
    room = Room(folder, [], separate=False)
    cards = read_cards(room)
    if name not in [card.name for card in cards]:
        raise SetupProblem(f"There is no {name!r} in {folder}: the names are those of its hand-out.csv.")
    password = new_password(room.secret, name)
    cards = [replace(card, password=password) if card.name == name else card for card in cards]
    hub = "<b>" in (folder / "hand-out.html").read_text(encoding="utf-8")
    write_cards(room, cards, hub)
    return f"{name} gets in once with {password}"


def read_cards(room: Room) -> list[Card]:
    """The cards that were written last; [] if there are none."""
    try:
        return [Card(**row) for row in json.loads(_kept(room).read_text(encoding="utf-8"))]
    except (FileNotFoundError, ValueError):
        return []


def class_passwords(room: Room) -> dict[str, str]:
    """Each learner's for the class Redis, as on the cards that were written last: those stay good."""
    return {card.name: urlsplit(card.class_url).password or "" for card in read_cards(room)}


def write_cards(room: Room, cards: list[Card], hub: bool) -> None:
    """hand-out.csv and hand-out.html for the learners, instructor.txt; for the owner's eyes only."""
    learners = [card for card in cards if card.name != INSTRUCTOR]
    _write(_kept(room), json.dumps([asdict(card) for card in cards]))
    _write(room.folder / "hand-out.csv", as_csv(learners, hub))
    _write(room.folder / "hand-out.html", as_html(learners, hub))
    [mine] = [card for card in cards if card.name == INSTRUCTOR]
    _write(room.folder / "instructor.txt", ALONE.format(card=mine))


def as_html(cards: list[Card], hub: bool) -> str:
    """A page to print: eight cards on a sheet of A4, to cut along the dashes."""
    one = HUB if hub else LAPTOP
    escaped = [{name: html.escape(text) for name, text in asdict(card).items()} for card in cards]
    for values in escaped:
        values["class_url"] = values["class_url"].replace("@", "@</span><wbr>")  # no line ends in a password
    body = "\n".join(one.format(**values) for values in escaped)
    head = f'<meta charset="utf-8"><title>Hand-out</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>\n{body}\n</main></body></html>\n'


def as_csv(cards: list[Card], hub: bool) -> str:
    """The same for a mail merge: name,address,password,class_url, or without a hub name,class_url."""
    columns = [f.name for f in fields(Card)] if hub else ["name", "class_url"]
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(columns)
    rows.writerows([getattr(card, name) for name in columns] for card in cards)
    return text.getvalue()


def _kept(room: Room) -> Path:
    return room.secret / "cards.json"


def _write(place: Path, text: str) -> None:
    place.touch(mode=0o600)
    place.chmod(0o600)
    place.write_text(text, encoding="utf-8")
