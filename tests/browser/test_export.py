"""The exported page in a browser that is offline and runs no script: all is there, nothing is asked for."""

from __future__ import annotations

import contextlib

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from labsupport.decide import Advice, export_html
from labsupport.decide.profile import Profile
from labsupport.figures import panels

HOSTILE = "<img src=https://example.com/x onerror=alert(1)>"
FINDING = f"One bar of 1. {HOSTILE}"


@pytest.fixture
def exported(tmp_path):
    figure, (ax,) = panels()
    ax.bar([0], [1])
    seen = Profile(5_000, 40, 4_800, 1.04, 0.5, 0.1, 60, 0.7, 0.5, 0.5, ((HOSTILE, 900), ("x" * 99, 20)))
    advice = Advice("share", "Share one Redis.", 60, [HOSTILE, "It hits 70%."], ["Is it?"])
    return export_html(tmp_path / "ours.html", HOSTILE, advice, [(figure, FINDING)], seen)


@contextlib.contextmanager
def opened(browser, exported, scripts):
    """The page on a phone; `complaints` has what went wrong and what was asked for."""
    phone = {"width": 390, "height": 800}
    with (
        browser.new_context(java_script_enabled=scripts, offline=True, viewport=phone) as context,
        context.new_page() as page,
    ):
        page.complaints = []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.complaints.append(request.url))
        page.on("dialog", lambda dialog: page.complaints.append(dialog.message))
        page.goto(exported.as_uri())
        yield page


def test_it_opens_offline_without_scripts_and_asks_for_nothing(browser, exported, screenshots):
    with opened(browser, exported, scripts=False) as page:
        page.screenshot(path=screenshots / "exported.png", full_page=True)
        expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
        expect(page.get_by_role("img")).to_have_count(1)
        expect(page.get_by_role("img")).to_have_attribute("alt", FINDING)
        assert page.get_by_role("img").evaluate("img => img.complete && img.naturalWidth") > 600
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert [what for what in page.complaints if not what.startswith("data:")] == [exported.as_uri()]


def test_it_has_no_serious_accessibility_problem_and_runs_nothing_where_scripts_are_on(browser, exported):
    with opened(browser, exported, scripts=True) as page:  # axe is one
        found = Axe().run(page).response["violations"]
        assert [what for what in page.complaints if not what.startswith("data:")] == [exported.as_uri()]
    assert [finding["id"] for finding in found if finding["impact"] in ("serious", "critical")] == []
