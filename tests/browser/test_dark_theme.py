"""Every notebook of the series in JupyterLab's dark theme: it runs, and its widgets can be read."""

from __future__ import annotations

import pytest

from browser.notebook import WIDGETS
from labsupport import build

NAMES = [build.built(source).name for source in build.sources()]


@pytest.mark.parametrize("name", NAMES)
def test_in_the_dark_theme_it_runs_and_its_widgets_can_be_read(jupyter, opening, name):
    jupyter.forget()
    with opening(name, theme="dark") as opened:
        assert opened.red_cells() == []
        assert opened.axe_of_widgets() == []
        stem = name.removesuffix(".ipynb")
        opened.screenshot_whole(f"{stem}-dark")
        for number, widget in enumerate(opened.page.locator(", ".join(WIDGETS)).all()):
            opened.screenshot(f"{stem}-dark-widget-{number}", widget)
