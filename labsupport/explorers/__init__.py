"""Sliders that redraw a figure, and the animated fleet."""

from labsupport.explorers.animation import AnimatedFleet, animate
from labsupport.explorers.cards import cards
from labsupport.explorers.decision import DecisionPicture
from labsupport.explorers.explorer import Explorer, explore
from labsupport.explorers.fleet import FleetPicture
from labsupport.explorers.limiter import LIMITERS, LimiterPicture
from labsupport.explorers.orders import RACES, OrdersPicture
from labsupport.explorers.progress import progress
from labsupport.explorers.structures import StructuresPicture, course_page
from labsupport.explorers.trade import TradePicture
from labsupport.explorers.waiting import wait_picture

__all__ = [
    "LIMITERS",
    "RACES",
    "AnimatedFleet",
    "DecisionPicture",
    "Explorer",
    "FleetPicture",
    "LimiterPicture",
    "OrdersPicture",
    "StructuresPicture",
    "TradePicture",
    "animate",
    "cards",
    "course_page",
    "explore",
    "progress",
    "wait_picture",
]
