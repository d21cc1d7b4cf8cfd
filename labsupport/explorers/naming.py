"""A box whose widgets can be used by keyboard and heard by a screen reader."""

from __future__ import annotations

from collections.abc import Sequence

import anywidget
import ipywidgets


class Naming(anywidget.AnyWidget):
    """Shows nothing; gives the widgets beside it what ipywidgets and JupyterLab leave out or take away.

    A slider's handle has a role but no name, so a screen reader would say "slider, four" and not what of: it
    gets the slider's label. Radio buttons are no group, so the arrow keys would not go from one to the next:
    they get a common name. JupyterLab takes the arrow keys for its cells: here they belong to the widgets.
    A status line must stay the same element while its text changes, or the change is not read out.
    """

    _esm = """
    function render({ el }) {
      el.style.display = "none";
      let observer, waiting;
      const start = () => {
        const box = el.parentElement && el.parentElement.closest(".lab-named");
        if (!box) { waiting = requestAnimationFrame(start); return; }
        const name = () => {
          box.querySelectorAll("input, select, button, [tabindex]").forEach((control) => {
            control.dataset.lmSuppressShortcuts = "true";
          });
          box.querySelectorAll(".widget-slider").forEach((slider) => {
            const handle = slider.querySelector("[role=slider]:not([aria-label])");
            if (handle) handle.setAttribute("aria-label", slider.querySelector("label").textContent);
          });
          box.querySelectorAll(".widget-radio-box:not([role])").forEach((group) => {
            group.setAttribute("role", "radiogroup");
            const name = "lab-" + crypto.randomUUID();
            group.querySelectorAll("input").forEach((option) => { option.name = name; });
          });
          box.querySelectorAll(".lab-status").forEach((line) => line.setAttribute("role", "status"));
        };
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
        return "<Naming>"


def named(children: Sequence[ipywidgets.Widget]) -> ipywidgets.VBox:
    """The widgets one below the other, made usable by keyboard and screen reader.

    A widget of class `lab-status` is a line whose changes are read out.
    """
    box = ipywidgets.VBox([*children, Naming()])
    box.add_class("lab-named")
    return box
