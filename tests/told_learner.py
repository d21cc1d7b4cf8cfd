"""A learner who runs a notebook's cells one by one, and after a fault does just what the lab says."""

from __future__ import annotations

import contextlib
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from faults_made import Fault
from faulty_kernel import Broken, Kernel, Ran
from nbformat import NotebookNode

from labsupport import build

START = re.compile(r"^(\w+) = start_lab\(", re.MULTILINE)


def code_cells(source: Path) -> list[NotebookNode]:
    """The code cells of the committed notebook, with their outputs."""
    committed = nbformat.read(build.built(source), as_version=4)
    return [cell for cell in committed.cells if cell.cell_type == "code"]


@dataclass
class Learner:
    """Somebody who runs a notebook's cells one by one, and does what the lab says, to the letter."""

    kernel: Kernel
    cells: list[NotebookNode]
    fault: Fault
    seen: list[str] = field(default_factory=list)  # the sentences

    def start_over(self, place: int) -> None:
        """Without a fault and in a new kernel, up to this cell. Broken: not even that goes well."""
        if sentence := self._restart(place):
            raise Broken(f"started over, cell {place}: {sentence}")

    def meet(self, place: int, patient: bool) -> None:
        """Make the fault and go on with this cell.

        `patient`: the cause goes before the remedy is tried; else only the remedy itself can help.
        Broken: anything but the committed output in the end.
        """
        self.fault.strike()
        self.go_on(place, patient)

    def go_on(self, place: int, patient: bool = True) -> None:
        """Run this cell, and as long as there is a sentence, follow it."""
        sentence = self.run(place)
        if patient:
            self.fault.heal()
        for _ in range(4):
            if not sentence:
                return
            self.seen.append(sentence)
            sentence = self.follow(sentence, place)
        raise Broken(f"cell {place}: again and again {self.seen[-4:]}")

    def run(self, place: int, change: tuple[str, str] = ("", "")) -> str:
        """The sentence that the cell shows, "" for the committed output. Broken: anything else.

        `change`: what the learner writes in another way, and how.
        """
        cell = self.cells[place]
        ran = self.kernel.run(cell.source.replace(*change))
        if ran.sentence:
            return ran.sentence
        if not ran.is_as(cell):
            raise Broken(
                f"cell {place}:\n{cell.source}\nshows\n{ran.said}\nand not\n{Ran(cell.outputs).said}"
            )
        return ""

    def follow(self, sentence: str, place: int) -> str:
        """Do what the sentence says; the next sentence, or ""."""
        for remedy, do in self.REMEDIES.items():
            if remedy in sentence:
                return do(self, place)
        raise Broken(f"what is to be done now? {sentence}")

    def _from_start(self, place: int) -> str:
        start = next(n for n, cell in enumerate(self.cells) if START.search(cell.source))
        return next(filter(None, map(self.run, range(start, place + 1))), "")

    def _delete_keys(self, place: int) -> str:
        """The sentence leaves the choice, so each is made now and then."""
        if place % 4 == 2:
            return self._from_start(place)
        self.fault.delete_keys()
        return self.run(place)

    def _from_filling(self, place: int) -> str:
        """Which cell has filled the cache the learner must see: the nearest from which it works again."""
        for first in range(place, -1, -1):
            if START.search(self.cells[first].source):
                break
            if sentence := self.kernel.run("lab.reset()").sentence:
                return sentence
            with contextlib.suppress(Broken):
                return next(filter(None, map(self.run, range(first, place + 1))), "")
        raise Broken(f"cell {place}: no cell from which it works again")

    def _make_room(self, place: int) -> str:
        self.fault.heal()
        return self.run(place)

    def _restart(self, place: int) -> str:
        self.fault.heal()
        self.kernel.restart()
        return next(filter(None, map(self.run, range(place + 1))), "")

    def _elsewhere(self, place: int) -> str:
        with tempfile.TemporaryDirectory() as folder:
            return self.run(place, ('"decision.html"', f'"{folder}/decision.html"'))

    REMEDIES = {  # noqa: RUF012
        "delete keys that you can spare and run the cell again, or": _delete_keys,
        "call lab.reset() and run again from the cell that filled the cache": _from_filling,
        "run the cell with start_lab again, then the cells after it": _from_start,
        "make some on that disk and run the cell again": _make_room,
        "make some, restart the kernel and run all cells": _restart,
        "if not, restart the kernel and run all cells": _restart,
        "run the cell again": run,
        "did not start": run,  # try again
        "name a file in a folder of yours with room": _elsewhere,
    }
