"""A box whose sliders tell a screen reader what they are."""

from __future__ import annotations

from collections.abc import Sequence

import anywidget
import ipywidgets


class SliderNames(anywidget.AnyWidget):
    """Shows nothing; gives each slider handle beside it the slider's label as its accessible name.

    ipywidgets draws sliders with a handle that has a role but no name, so a screen reader would say "slider,
    four" and not what of.
    """

    _esm = """
    function render({ el }) {
      el.style.display = "none";
      let observer, waiting;
      const start = () => {
        const box = el.parentElement && el.parentElement.closest(".lab-named");
        if (!box) { waiting = requestAnimationFrame(start); return; }
        const name = () => box.querySelectorAll(".widget-slider").forEach((slider) => {
          const handle = slider.querySelector("[role=slider]:not([aria-label])");
          if (handle) handle.setAttribute("aria-label", slider.querySelector("label").textContent);
        });
        observer = new MutationObserver(name);
        observer.observe(box, { childList: true, subtree: true });
        name();
      };
      start();
      return () => { cancelAnimationFrame(waiting); observer?.disconnect(); };
    }
    export default { render };
    """

    def __repr__(self) -> str:
        return "<SliderNames>"


def named(children: Sequence[ipywidgets.Widget]) -> ipywidgets.VBox:
    """The widgets one below the other, each slider in them with its label as accessible name."""
    box = ipywidgets.VBox([*children, SliderNames()])
    box.add_class("lab-named")
    return box
