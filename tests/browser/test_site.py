"""The static site in a browser that is offline: nothing is asked for elsewhere, and everybody can read it."""

from __future__ import annotations

import contextlib

import pytest
from axe_playwright_python.sync_playwright import Axe
from site_pages import built, pages

from labsupport.site.make import write

SHOWN = ["index", "02-four-instances-four-dicts", "06-lost-updates-and-incr", "teaching/guide"]
SCANNED = ["index", "00-start-here"]  # the shortest with code, a table and a solution: axe takes its time
QUICKLY = {"preload": False, "resultTypes": ["violations"]}  # every rule, but nothing about what is right
PHONE, DESK = {"width": 400, "height": 800}, {"width": 1600, "height": 1000}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    target = tmp_path_factory.mktemp("pages") / "site"
    write(built(), target)
    return target


@contextlib.contextmanager
def opened(browser, viewport, theme):
    """An offline window; `asked` has every address it asked for, `complaints` what went wrong."""
    options = {"viewport": viewport, "color_scheme": theme, "offline": True}
    with browser.new_context(**options) as context, context.new_page() as page:
        page.asked, page.complaints = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("requestfailed", lambda request: page.complaints.append(request.url))
        yield page


def test_every_page_opens_from_the_folder_and_fits_a_phone(browser, site):
    with opened(browser, PHONE, "light") as page:
        for name in pages():
            page.goto((site / name).as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
            broken = "[...document.images].filter(img => !img.naturalWidth).map(img => img.src)"
            assert page.evaluate(broken) == []
        assert page.complaints == []
        assert [url for url in page.asked if not url.startswith((f"{site.as_uri()}/", "data:,"))] == []


@pytest.mark.parametrize(
    ("theme", "viewport"), [("light", DESK), ("dark", PHONE)], ids=["light-desk", "dark-phone"]
)
def test_it_has_no_serious_accessibility_problem(browser, site, screenshots, theme, viewport):
    with opened(browser, viewport, theme) as page:
        for name in SHOWN:
            page.goto((site / f"{name}.html").as_uri())
            page.screenshot(path=screenshots / f"site-{name.rpartition('/')[2]}-{theme}.png")
        for name in SCANNED:
            page.goto((site / f"{name}.html").as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
            found = Axe().run(page, options=QUICKLY).response["violations"]
            assert [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if serious(each)] == []


def serious(finding):
    return finding["impact"] in ("serious", "critical")


def test_it_is_read_by_keyboard(browser, site):
    with opened(browser, PHONE, "light") as page:
        page.goto((site / "02-four-instances-four-dicts.html").as_uri())
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.url.endswith("#text")
        page.locator("summary").first.press("Enter")
        assert page.locator("details").first.locator(".highlight").is_visible()
