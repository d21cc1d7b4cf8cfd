"""The animated fleet in JupyterLab: it shows the log, obeys the keyboard, and leaves nothing behind."""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from playwright.sync_api import expect

import labsupport
from labsupport import CourseCatalog, Fleet, LocalCache, SharedCache, zipf_traffic
from labsupport.explorers.animation import AnimatedFleet
from labsupport.figures.moments import cached

TTL, REQUESTS, MODES = 20, 60, ("private", "shared")
REPLAYS = """
from labsupport import CourseCatalog, Fleet, LocalCache, SharedCache, start_lab, zipf_traffic
from labsupport.explorers.animation import animate

lab = start_lab("animation")

def show(requests, courses, rate, ttl):
    traffic = zipf_traffic(requests=requests, courses=courses, skew=1.0, rate=rate, seed=204)
    redis, logs = SharedCache(lab.redis, ttl=ttl, keys=lab.keys), []
    for cache in (lambda: LocalCache(ttl, lab.clock), lambda: redis):
        lab.reset()
        fleet = Fleet(4, cache=cache, origin=CourseCatalog(), clock=lab.clock)
        logs.append(fleet.replay(traffic))
    return animate(*logs, ttl=ttl)
"""
# Everything that the picture says, as numbers and words.
SEEN = """root => {
    const text = node => node.textContent, all = (node, what) => [...node.querySelectorAll(what)];
    const shown = node => getComputedStyle(node).visibility === 'visible';
    const picture = root.querySelector(`.mode.${root.dataset.mode}`);
    const verdict = picture.querySelector('.verdict');
    const turn = 2 * Math.PI * 15.5;
    const left = chip => 1 - chip.querySelector('.ring').getAttribute('stroke-dashoffset') / turn;
    return {
        done: Number(root.dataset.event), mode: root.dataset.mode,
        hits: all(picture, '[data-hits]').map(node => parseInt(text(node))),
        reads: all(picture, '[data-reads]').map(node => parseInt(text(node))),
        total: Number(text(root.querySelector('[data-reads=all]'))),
        rates: all(root, '[data-rate]').map(text), totals: all(root, '[data-total]').map(text),
        caches: all(picture, '.box.cache').map(box => Object.fromEntries(
            all(box.parentNode, '.chip').filter(shown).map(chip => [text(chip), left(chip)]))),
        more: all(picture, '.more').filter(shown).map(text).join(' '),
        asked: [...new Set(all(picture, '.chip.same').filter(shown).map(text))],
        way: all(picture, '.edge.on').length,
        verdict: all(verdict, 'path').filter(shown).map(node => node.getAttribute('class')).join(),
        word: text(verdict), travelling: shown(picture.querySelector('.token')),
        caption: text(root.querySelector('.caption')), spoken: text(root.querySelector('[aria-live]')),
        slider: root.querySelector('[type=range]').valueAsNumber, height: root.offsetHeight,
    };
}"""


def notebook(*shown: str) -> nbformat.NotebookNode:
    """The cell with `show`, then a cell for each animation."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(metadata=kernel, cells=[new_code_cell(text) for text in (REPLAYS, *shown)])


SMALL = f"show({REQUESTS}, 12, 1, {TTL})"
LARGE = "show(500, 40, 5, 20)"


@pytest.fixture(scope="module")
def logs(no_server_of_somebody_else):
    """What the kernel's `show` plays: the same traffic, replayed on another real Redis."""
    lab = labsupport.start_lab("animation")
    traffic = zipf_traffic(requests=REQUESTS, courses=12, skew=1.0, rate=1, seed=204)
    redis, found = SharedCache(lab.redis, ttl=TTL, keys=lab.keys), {}
    for mode, cache in zip(MODES, (lambda: LocalCache(TTL, lab.clock), lambda: redis)):
        lab.reset()
        found[mode] = Fleet(4, cache=cache, origin=CourseCatalog(), clock=lab.clock).replay(traffic)
    lab.close()
    return found


class Fleets:
    """One animation on a page."""

    def __init__(self, page, root):
        self.page, self.root = page, root

    def seen(self):
        return self.root.evaluate(SEEN)

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    def choose(self, mode):
        self.root.locator(f"input[value={mode}]").check()

    def scrub(self, done):
        self.root.get_by_label("Request").fill(str(done))

    def restart(self):
        self.choose("private")
        self.button("Restart").click()
        self.root.get_by_label("Speed").select_option("1")

    def play_to_the_end(self, total=REQUESTS):
        self.root.get_by_label("Speed").select_option("100")
        self.button("Play").click()
        expect(self.root).to_have_attribute("data-event", str(total), timeout=120_000)
        expect(self.root).to_have_attribute("data-playing", "false")

    def walk(self, button):
        """Press the button until it changes nothing more; all that was to be seen on the way."""
        return self.root.evaluate(
            f"""(root, button) => {{
                const see = {SEEN}, all = [see(root)];
                for (;;) {{
                    root.querySelector(button).click();
                    if (Number(root.dataset.event) === all.at(-1).done) return all;
                    all.push(see(root));
                }}
            }}""",
            button,
        )


@pytest.fixture(scope="module")
def shared_notebook(opening):
    with opening(notebook(SMALL, SMALL, LARGE)) as opened:
        yield opened


def shown(opened, cell):
    """The animation of this cell, at its beginning."""
    found = Fleets(opened.page, opened.output(cell).locator(".lab-fleet"))
    found.restart()
    return found


@pytest.fixture
def fleet(shared_notebook):
    """The first of the animations in a notebook in JupyterLab."""
    return shown(shared_notebook, 1)


@pytest.fixture
def media(shared_notebook):
    """What the page may be told that its reader prefers; as it was, after the test."""
    yield shared_notebook.page.emulate_media
    shared_notebook.page.emulate_media(color_scheme="light", reduced_motion="no-preference")


def expected(logs, mode, done):
    """What the log says after `done` requests, from the Python side."""
    log = logs[mode].iloc[:done]
    by = [log[log["instance"] == who]["hit"] for who in range(4)]
    reads = {name: str(int((~logs[name]["hit"].iloc[:done]).sum())) for name in MODES}
    held = (
        cached(logs[mode], TTL, done, 4 if mode == "private" else 1)
        if done
        else [{}] * (4 if mode == "private" else 1)
    )
    return {
        "done": done,
        "mode": mode,
        "hits": [int(hits.sum()) for hits in by],
        "reads": [int((~hits).sum()) for hits in by],
        "total": int((~log["hit"]).sum()),
        "totals": list(reads.values()),
        "caches": [
            {key.split(":")[1]: pytest.approx(left / TTL, abs=0.001) for key, left in cache.items()}
            for cache in held
        ],
        "slider": done,
    }


# What it shows


def test_before_it_runs_there_are_four_moments_and_a_sentence(opening, logs):
    animation = AnimatedFleet(logs["private"], logs["shared"], TTL)
    data, metadata = animation._repr_mimebundle_()
    data = {kind: form for kind, form in data.items() if kind in ("image/png", "text/plain")}
    still = notebook("animate(...)")
    still.cells[1].outputs = [
        new_output("display_data", data, metadata=metadata),
        new_output("stream", name="stdout", text=animation.text + "\n"),
    ]
    with opening(still, run=False) as opened:
        expect(opened.output(1).locator("img")).to_be_visible()
        expect(opened.output(1)).to_contain_text("60 requests: four private caches hit ")


@pytest.mark.parametrize("mode", MODES)
def test_after_every_request_it_shows_what_the_log_says(fleet, logs, mode):
    fleet.choose(mode)
    steps = fleet.walk(".step")
    assert len(steps) == REQUESTS + 1
    for done, seen in enumerate(steps):
        wanted = expected(logs, mode, done)
        assert {name: seen[name] for name in wanted} == wanted


@pytest.mark.parametrize("mode", MODES)
def test_each_request_is_a_line_of_text_a_word_and_a_shape(fleet, logs, mode):
    fleet.choose(mode)
    for row, seen in zip(logs[mode].itertuples(), fleet.walk(".step")[1:]):
        cache = "its cache" if mode == "private" else "Redis"
        question = f"{row.at:.1f} s: instance {'ABCD'[row.instance]} asks {cache} for {row.key}: "
        assert seen["caption"].startswith(question + ("hit, " if row.hit else "miss, "))
        assert ("read from the origin, filled" in seen["caption"]) == (not row.hit)
        assert seen["spoken"] == seen["caption"]
        assert (seen["word"], seen["verdict"]) == (
            ("hit", "shape hit") if row.hit else ("miss", "shape miss")
        )
        legs_to_origin = 1 if mode == "private" else 4  # the instances' ways lie on one another there
        assert seen["way"] == (2 if row.hit else 2 + legs_to_origin)
        assert seen["asked"] == [row.key.split(":")[1]]


@pytest.mark.parametrize("mode", MODES)
def test_played_to_the_end_it_shows_the_logs_totals(fleet, logs, mode):
    fleet.choose(mode)
    fleet.play_to_the_end()
    seen, wanted = fleet.seen(), expected(logs, mode, REQUESTS)
    assert {name: seen[name] for name in wanted} == wanted
    assert seen["rates"] == [f"{logs[name]['hit'].mean():.1%}" for name in MODES]
    assert sum(seen["hits"]) + sum(seen["reads"]) == REQUESTS


@pytest.mark.parametrize("mode", MODES)
def test_steps_back_and_jumps_show_what_steps_forward_showed(fleet, mode):
    fleet.choose(mode)
    forward = fleet.walk(".step")
    assert fleet.walk(".back") == forward[::-1]
    for done in (37, 4, 60, 0, 59):
        fleet.scrub(done)
        assert fleet.seen() == forward[done]


def test_the_switch_stays_at_the_same_request(fleet, logs):
    fleet.scrub(33)
    before = fleet.seen()
    fleet.choose("shared")
    assert {name: fleet.seen()[name] for name in ("done", "mode", "caches")} == {
        name: expected(logs, "shared", 33)[name] for name in ("done", "mode", "caches")
    }
    fleet.choose("private")
    assert fleet.seen() == before


def test_a_private_miss_says_who_had_the_answer(fleet, logs):
    told, log = 0, logs["private"]
    for done, seen in enumerate(fleet.walk(".step")[1:]):
        row, now = log.iloc[done], int(log["at"].iloc[done])
        fills = log.iloc[:done][~log["hit"].iloc[:done] & (log["key"].iloc[:done] == row["key"])]
        holders = sorted(set(fills.loc[fills["at"].astype(int) + TTL > now, "instance"]) - {row["instance"]})
        names = ["ABCD"[who] for who in holders]
        if row["hit"] or not names:
            assert "had it" not in seen["caption"]
        else:
            said = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
            assert f" {said} had it, but {'ABCD'[row['instance']]} cannot see that." in seen["caption"]
            told += 1
    assert told > 5


def test_an_answer_from_redis_says_who_filled_it_and_how_long_it_will_last(fleet, logs):
    fleet.choose("shared")
    told, log = 0, logs["shared"]
    for done, seen in enumerate(fleet.walk(".step")[1:]):
        row = log.iloc[done]
        if row["hit"]:
            same = log.iloc[:done]
            fill = same[~same["hit"] & (same["key"] == row["key"])].iloc[-1]
            left = int(fill["at"]) + TTL - int(row["at"])
            by = "" if fill["instance"] == row["instance"] else f", filled by {'ABCD'[fill['instance']]}"
            assert seen["caption"].endswith(f": hit{by}, {left} s of its TTL left.")
            told += bool(by)
    assert told > 5


# The keyboard


def test_space_and_arrows_work_on_the_animation_as_a_whole(fleet):
    fleet.root.focus()
    for key, done in (
        ("ArrowRight", 1),
        ("ArrowRight", 2),
        ("ArrowLeft", 1),
        ("ArrowLeft", 0),
        ("ArrowLeft", 0),
    ):
        fleet.page.keyboard.press(key)
        assert fleet.seen()["done"] == done
    fleet.page.keyboard.press("Space")
    expect(fleet.root).to_have_attribute("data-playing", "true")
    fleet.page.keyboard.press("Space")
    expect(fleet.root).to_have_attribute("data-playing", "false")


def test_every_control_is_reached_by_tab_and_worked_by_keys(fleet):
    press, focused = fleet.page.keyboard.press, "document.activeElement"
    fleet.root.focus()
    press("Tab")
    press("ArrowRight")
    assert fleet.seen()["mode"] == "shared"
    press("ArrowLeft")
    assert (fleet.seen()["mode"], fleet.seen()["done"]) == ("private", 0)  # the arrows were the switch's
    press("Tab")
    press("ArrowRight")
    assert fleet.seen()["done"] == 1
    press("End")
    assert fleet.seen()["done"] == REQUESTS
    press("Space")  # a slider has no use for it
    expect(fleet.root).to_have_attribute("data-playing", "true")
    press("Space")
    press("Tab")
    press("Enter")
    assert (fleet.page.evaluate(f"{focused}.textContent"), fleet.seen()["done"]) == ("Restart", 0)
    press("Tab")
    press("Tab")
    press("Space")
    expect(fleet.root).to_have_attribute("data-playing", "true")
    press("Space")
    expect(fleet.root).to_have_attribute("data-playing", "false")
    press("Shift+Tab")
    fleet.scrub(5)
    fleet.button("Step back").focus()
    press("Enter")
    assert fleet.seen()["done"] == 4
    press("Tab")
    press("Tab")
    press("Space")
    assert (fleet.page.evaluate(f"{focused}.textContent"), fleet.seen()["done"]) == ("Step forward", 5)
    press("Tab")
    press("ArrowDown")
    assert fleet.page.evaluate(f"[{focused}.tagName, {focused}.value]") == ["SELECT", "2"]
    assert fleet.seen()["done"] == 5


def test_the_focus_is_visible_on_every_control(fleet):
    fleet.root.locator("input[value=private]").focus()
    fleet.page.keyboard.press("Shift+Tab")  # by keyboard: a click needs no mark
    marked = []
    for _ in range(8):
        marked.append(
            fleet.page.evaluate(
                """() => {
                    const outlined = node => getComputedStyle(node).outlineStyle === 'solid';
                    const node = document.activeElement, label = node.closest('label');
                    return [node.type ?? node.tagName, outlined(node) || (label && outlined(label))];
                }"""
            )
        )
        fleet.page.keyboard.press("Tab")
    controls = ["FORM", "radio", "range", *["button"] * 4, "select-one"]
    assert marked == [[control, True] for control in controls]


def test_no_key_gets_through_to_jupyterlab(shared_notebook, fleet):
    before = shared_notebook.cells()
    for control in (fleet.root, fleet.root.get_by_label("Request"), fleet.button("Step forward")):
        control.focus()
        for key in ("a", "b", "d", "d", "m", "x", "ArrowDown", "ArrowUp", "j"):
            fleet.page.keyboard.press(key)
    assert shared_notebook.cells() == before
    assert fleet.root.evaluate("root => root.contains(document.activeElement)")


# Two of them, their names, their look


def test_two_animations_in_a_notebook_do_not_mind_each_other(shared_notebook, fleet):
    other = shown(shared_notebook, 2)
    other.choose("shared")
    other.scrub(7)
    assert (fleet.seen()["mode"], fleet.seen()["done"]) == ("private", 0)
    assert fleet.root.locator("input[value=private]").is_checked()
    other.restart()


def test_nothing_jumps(fleet):
    heights = {
        seen["height"]
        for mode in MODES
        for seen in (fleet.choose(mode), *fleet.walk(".step"), *fleet.walk(".back"))[1:]
    }
    assert len(heights) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_all_of_it_can_be_read(shared_notebook, fleet, media, theme):
    media(color_scheme=theme)
    shared_notebook.until(
        "light => document.body.dataset.jpThemeLight === light", str(theme == "light").lower()
    )
    for mode in MODES:
        fleet.choose(mode)
        fleet.scrub(41)
        assert shared_notebook.axe(".lab-fleet") == []
        assert fleet.root.evaluate(FAINT) == []
        shared_notebook.screenshot(f"animation-{mode}-{theme}", fleet.root)


# Contrast in the picture, where axe does not look: text 4.5 to 1, shapes 3 to 1, on the paper and the boxes.
FAINT = """root => {
    const rgb = colour => {
        const canvas = new OffscreenCanvas(1, 1).getContext('2d');
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = colour => rgb(colour).map(part => part / 255)
        .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
    const contrast = (one, two) => {
        const [low, high] = [light(one), light(two)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    };
    const style = (what, name) => getComputedStyle(root.querySelector(what))[name];
    const paper = style('.box.cache', 'fill'), soft = style('.box.instance', 'fill');
    const same = style('.chip.same .whole', 'fill'), origin = style('.shape.miss', 'fill');
    return [
        ['text', style('.name', 'fill'), paper, 4.5], ['text', style('.name', 'fill'), soft, 4.5],
        ['heading', style('.heading', 'fill'), paper, 4.5],
        ['asked', style('.chip.same text', 'fill'), same, 4.5],
        ['hit', style('.shape.hit', 'fill'), soft, 3], ['hit', style('.shape.hit', 'fill'), paper, 3],
        ['miss', origin, soft, 3], ['miss', origin, paper, 3], ['token', paper, origin, 4.5],
        ['ring', style('.chip .ring', 'stroke'), paper, 3],
        ['box', style('.box.instance', 'stroke'), paper, 3],
        ['cache', style('.box.cache', 'stroke'), paper, 3],
    ].filter(([, one, two, least]) => contrast(one, two) < least);
}"""


# Motion


def test_where_motion_is_not_wanted_it_goes_on_in_steps(fleet, logs, media):
    fleet.root.evaluate(
        """root => { window.travelled = 0;
            new MutationObserver(changes => { window.travelled += changes.length; })
                .observe(root.querySelector('.private .token'), { attributes: true }); }"""
    )
    fleet.button("Step forward").click()
    fleet.button("Play").click()
    fleet.page.wait_for_function("travelled > 0")  # where it is wanted, the token travels
    fleet.restart()
    media(reduced_motion="reduce")
    fleet.page.evaluate("travelled = 0")
    fleet.play_to_the_end()
    assert fleet.page.evaluate("travelled") == 0
    wanted = expected(logs, "private", REQUESTS)
    assert {name: fleet.seen()[name] for name in wanted} == wanted


def test_gone_from_the_page_it_stands_still(shared_notebook):
    shared_notebook.run_cell(2)
    fleet = shown(shared_notebook, 2)
    fleet.button("Play").click()
    expect(fleet.root).to_have_attribute("data-playing", "true")
    fleet.root.evaluate("root => { window.gone = root; }")
    shared_notebook.clear_output(2)
    expect(fleet.root).to_have_count(0)
    assert fleet.page.evaluate(
        """async () => {
            const before = gone.outerHTML;
            for (let frame = 0; frame < 20; frame++) await new Promise(requestAnimationFrame);
            gone.querySelector('.step').click();
            return gone.outerHTML === before;
        }"""
    )


# In the place of the screen's frames: each as soon as the one before is drawn, 16 ms later by its own clock.
HURRY = """() => {
    let now = performance.now(), last = 0;
    const waiting = new Map(), channel = new MessageChannel();
    const { requestAnimationFrame, cancelAnimationFrame } = window;
    window.noHurry = () => Object.assign(window, { requestAnimationFrame, cancelAnimationFrame });
    channel.port1.onmessage = () => {
        const frames = [...waiting.values()];
        waiting.clear();
        now += 16;
        for (const frame of frames) frame(now);
    };
    window.requestAnimationFrame = frame => {
        if (!waiting.size) channel.port2.postMessage(null);
        waiting.set(++last, frame);
        return last;
    };
    window.cancelAnimationFrame = number => { waiting.delete(number); };
}"""


def usage(page):
    """The page's heap in bytes and its DOM's nodes, without garbage."""
    cdp = page.context.new_cdp_session(page)
    for _ in range(3):
        cdp.send("HeapProfiler.collectGarbage")
    heap, nodes = cdp.send("Runtime.getHeapUsage")["usedSize"], cdp.send("Memory.getDOMCounters")["nodes"]
    cdp.detach()
    return heap, nodes


@pytest.fixture
def in_a_hurry(shared_notebook):
    shared_notebook.page.evaluate(HURRY)
    yield shared_notebook
    shared_notebook.page.evaluate("noHurry()")


def test_three_replays_of_500_requests_leave_nothing_behind(in_a_hurry):
    fleet, after = shown(in_a_hurry, 3), []
    for _ in range(3):
        fleet.play_to_the_end(500)
        elements = fleet.root.evaluate("root => root.querySelectorAll('*').length")
        after.append((*usage(fleet.page), elements))
    frames = int(fleet.root.get_attribute("data-frames"))
    print(f"{frames} frames; after each: {after}")
    assert frames > 3 * 500
    assert after[2][0] < 1.05 * after[0][0]
    assert after[2][2] == after[0][2]
    assert after[2][1] <= after[0][1] + 50
