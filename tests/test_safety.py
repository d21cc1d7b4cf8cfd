"""Data stays data: nothing from Redis or from a log is run as a program, and none of it becomes HTML."""

from __future__ import annotations

import ast
import re
from base64 import b64encode
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import ipywidgets
import nbformat
import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_output

import labsupport
from labsupport import build
from labsupport.classroom import joining
from labsupport.decide import Advice, Profile, export_html
from labsupport.explorers import explore
from labsupport.explorers.progress import Progress
from labsupport.figures import png
from labsupport.lessons.asking import Answer, asked
from labsupport.setup.problem import ROOT
from labsupport.site.cells import cell_html
from labsupport.site.place import Place
from labsupport.site.text import Text
from labsupport.workshop.handout import Card, as_html

PACKAGE = Path(labsupport.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
CELLS = sorted((build.NOTEBOOKS / "src").glob("*.py"))

# What runs what it is given.
RUNNERS = re.compile(
    r"eval|exec|compile|__import__|importlib\.import_module|os\.(system|popen)|runpy\..+"
    r"|subprocess\.(getoutput|getstatusoutput)|(pickle|marshal|shelve|dill|cloudpickle|joblib|yaml|ruamel)\..+"
    r"|pandas\.(eval|read_pickle)|numpy\.load|.+\.read_pickle"
)
SWITCHES = {"shell", "allow_pickle"}
LAZY = "the names of a package, loaded when first used: all stand in a table of that file"
EXCEPTIONS = {
    "labsupport/__init__.py importlib.import_module": LAZY,
    "labsupport/classroom/__init__.py importlib.import_module": LAZY,
    "labsupport/coordination/__init__.py importlib.import_module": LAZY,
    "labsupport/races/__init__.py importlib.import_module": LAZY,
    "labsupport/workshop/__init__.py importlib.import_module": LAZY,
    "labsupport/lessons/checks/nb05_answer.py pickle.dumps": "a check plants what would run",
    "labsupport/lessons/checks/nb05_answer.py eval": "the word in it; the check itself runs nothing",
    "notebooks/src/04-ttls-and-keys.py pickle.dumps": "shows why not: its own bytes print a line",
    "notebooks/src/04-ttls-and-keys.py pickle.loads": "and reads them back, two lines below",
}


def runners(text: str) -> set[str]:
    """What a program names that runs what it is given, under whatever name it was imported."""
    tree = ast.parse(text)
    homes = _imported(tree)
    nodes = list(ast.walk(tree))
    dotted = [ast.unparse(n).partition(".") for n in nodes if isinstance(n, ast.Name | ast.Attribute)]
    named = {homes.get(first, first) + dot + rest for first, dot, rest in dotted} | set(homes.values())
    switched = [n for n in nodes if isinstance(n, ast.keyword) and n.arg in SWITCHES]
    switches = {f"{n.arg}=" for n in switched if ast.unparse(n.value) != "False"}
    return {name for name in named if RUNNERS.fullmatch(name)} | switches


def _imported(tree: ast.AST) -> dict[str, str]:
    """The names that a program imports, and where they come from."""
    homes = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            homes |= {a.asname or a.name: a.name for a in node.names}
        if isinstance(node, ast.ImportFrom):
            homes |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return homes


def test_nothing_runs_data_but_for_what_is_explained():
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in [*MODULES, *CELLS]
    }
    assert {f"{name} {what}" for name, text in texts.items() for what in runners(text)} == EXCEPTIONS.keys()


@pytest.mark.parametrize(
    "line",
    [
        "import pickle as p; p.loads(x)",
        "from pickle import loads as read; read(x)",
        "from marshal import load",
        "eval(redis.get(name))",
        "exec(x)",
        "import os; os.system(x)",
        "from subprocess import run; run(x, shell=True)",
        "import yaml; yaml.load(x)",
        "import pandas as pd; pd.read_pickle(x)",
        "import numpy as np; np.load(x, allow_pickle=True)",
        "import importlib; importlib.import_module(x)",
    ],
)
def test_each_way_to_run_data_would_be_found(line):
    assert runners(line)


def test_a_script_on_redis_and_a_literal_are_none():
    assert (
        runners("redis.eval(SCRIPT, 1, name); ast.literal_eval(x); run(x, shell=False); re.compile(x)")
        == set()
    )


# HTML is made of our own words and of texts that went through one of these.
ESCAPES = {"escape", "html.escape", "_text"}
# Names in HTML that hold such HTML, our own constants, or numbers; file by file.
OURS = {
    "decide/export.py": "MARK NOTHING_OUTSIDE STYLE name sections text data head rows heading content items "
    "count",
    "explorers/explorer.py": "width height source lines",
    "explorers/progress.py": "self._what self._total done",
    "lessons/asking.py": "style _TEXT above",
    "site/cells.py": "kind inside summary text.place.picture",
    "site/pages.py": "links page.name page.minutes page.picture level anchor html _list _contents kind "
    "lines word place.to COURSE link MARK home page.body series RUN_IT",
    "site/place.py": "src width height",
    "site/text.py": "anchor level text here",
    "workshop/handout.py": "STYLE head body",
}
TAG = re.compile(r"</?[a-z][a-z0-9]*[\s>/]|<!")


def unescaped(text: str) -> Iterator[str]:
    """What a program puts into HTML as it is: the names in an f-string, and any other way in whole."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.JoinedStr) and TAG.search(_own_words(node)):
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    yield from _named(part.value)
        elif any(map(_is_tag, _joined(node))):
            yield ast.unparse(node)


def _own_words(text: ast.JoinedStr) -> str:
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in text.values)


def _joined(node: ast.AST) -> list[ast.expr]:
    """What becomes one with something else: "a" + b, "a %s" % b, "a {}".format(b), "a".join(b)."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        return [node.left, node.right]
    ways = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    return [node.func.value] if ways and node.func.attr in ("format", "format_map", "join") else []


def _is_tag(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str) and bool(TAG.search(value.value))


def _named(value: ast.expr) -> Iterator[str]:
    """The name, or of a call that of the function, or of "".join(them) theirs; nothing if it escapes."""
    if not isinstance(value, ast.Call):
        yield ast.unparse(value)
    elif ast.unparse(value.func) == "''.join":
        yield from _named(value.args[0])
    elif ast.unparse(value.func) not in ESCAPES:
        yield ast.unparse(value.func)


def test_what_is_put_into_html_is_escaped_or_our_own():
    found = {path: set(unescaped(path.read_text(encoding="utf-8"))) for path in MODULES}
    named = {path.relative_to(PACKAGE).as_posix(): names for path, names in found.items() if names}
    del named["server/clients.py"]  # <pipeline of ...> is no HTML
    assert named == {name: set(names.split()) for name, names in OURS.items()}


@pytest.mark.parametrize(
    "line",
    [
        'f"<b>{key}</b>"',
        'f"<{kind}>"',
        '"<b>" + key',
        'key + "</b>"',
        '"<b>%s</b>" % key',
        '"<b>{}</b>".format(key)',
        '"<br/>".join(keys)',
    ],
)
def test_each_way_to_put_something_into_html_would_be_found(line):
    assert [*unescaped(line)]


HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "'\"><script>alert(1)</script>",
    "</script></style></textarea></title>--><svg onload=alert(1)>",
    '" autofocus onfocus=alert(1) x="',
    "javascript:alert(1)",
    "\u202egpj.exe\x00\x1b[31m\u2028",
    "&lt;b&gt;&#60;i&#62;",
    "{{7*7}}${7*7}<%= 7 %>",
]


def said(text):
    answer = Answer(2)
    answer.say(text)
    return answer.value


def standing(text):
    line = ipywidgets.HTML()
    joining._say(line, text)
    return line.value


def explored(text):
    def draw(size: int = 1) -> tuple[Figure, str]:
        return Figure(figsize=(1, 1)), text

    explorer = explore(draw, size=(1, 2))
    return explorer._picture.value + explorer._status.value


def exported(text, tmp_path):
    seen = Profile(5_000, 40, 4_800, 1.04, 0.5, 0.1, 60, 0.7, 0.5, 0.5, ((text, 900),), notes=(text,))
    advice, figures = Advice("share", text, 60, [text], [text]), [(Figure(figsize=(1, 1)), text)]
    return export_html(tmp_path / f"{abs(hash(text))}.html", text, advice, figures, seen).read_text()


def on_the_site(text):
    place = Place(ROOT / "README.md", "index.html", {}, {})
    picture = {"image/png": PICTURE, "text/plain": text}
    outputs = [
        new_output("stream", text=f"a column  {text}  a column\n"),
        new_output("display_data", picture),
    ]
    return cell_html(new_code_cell("1", outputs=outputs), Text(place))


PICTURE = b64encode(png(Figure(figsize=(1, 1)))).decode()
PRODUCERS = {
    "lessons/asking.py": lambda text, _: said(text) + asked(text, text).value,
    "classroom/joining.py": lambda text, _: standing(text),
    "explorers/explorer.py": lambda text, _: explored(text),
    "explorers/progress.py": lambda text, _: Progress(3, text).value,
    "decide/export.py": exported,
    "site/cells.py": lambda text, _: on_the_site(text),
    "workshop/handout.py": lambda text, _: as_html([Card(text, text, text, text)], True),
}
# What is put into the other pages of the site are committed files, not data.
NO_DATA = {"site/pages.py", "site/place.py", "site/text.py"}


class Shape(HTMLParser):
    """The elements and attributes that a browser would make of it, and its texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, ...]] = []
        self.urls: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, *(name for name, _ in attrs)))
        self.urls += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        self.elements.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.elements.append(("comment",))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("module", PRODUCERS)
def test_no_element_and_no_attribute_comes_from_the_data(module, text, tmp_path):
    plain, found = Shape(PRODUCERS[module]("harmless", tmp_path)), Shape(PRODUCERS[module](text, tmp_path))
    assert found.elements == plain.elements
    assert plain.elements or module == "classroom/joining.py"  # which shows a line of text alone
    assert [url for url in found.urls if "alert" in url] == []
    assert text[:3] in found.text or "\ufffd" in found.text  # it is there, to be read


def test_every_module_that_makes_html_is_fed():
    made = {
        path for path in MODULES if "ipywidgets.HTML" in path.read_text() or [*unescaped(path.read_text())]
    }
    names = {path.relative_to(PACKAGE).as_posix() for path in made} - {"server/clients.py"}
    assert names == PRODUCERS.keys() | NO_DATA


def test_the_notebooks_themselves_make_no_html():
    made = re.compile(r"\b(HTML|HTMLMath|Javascript|SVG|Markdown|IFrame)\(|text/html|_repr_html_")
    assert [path.stem for path in CELLS if made.search(path.read_text(encoding="utf-8"))] == []
    shown = {
        kind
        for source in [*build.sources(), *build.dashboards()]
        for cell in nbformat.read(build.built(source), as_version=4).cells
        for output in cell.get("outputs", [])
        for kind in output.get("data", {})
    }
    assert shown == {"text/plain", "image/png"}


def test_the_animation_writes_texts_and_attributes_and_never_html():
    script = (PACKAGE / "explorers" / "fleet.js").read_text(encoding="utf-8")
    makes = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\b|new Function|srcdoc|href"
    )
    assert not re.search(makes, script) and "textContent" in script


def test_a_widgets_label_is_text():
    assert not [path for path in MODULES if "description_allow_html" in path.read_text(encoding="utf-8")]
