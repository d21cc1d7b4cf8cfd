"""Sliders that redraw a figure, and the animated fleet."""

from labsupport.explorers.animation import AnimatedFleet, animate
from labsupport.explorers.explorer import Explorer, explore
from labsupport.explorers.fleet import FleetPicture

__all__ = ["AnimatedFleet", "Explorer", "FleetPicture", "animate", "explore"]
