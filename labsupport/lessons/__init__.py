"""What makes the learner act: predictions, exercises with replies, and the quiz."""

from labsupport.lessons.capstone.card import check_platform
from labsupport.lessons.checks.nb00 import check_misses, check_remember
from labsupport.lessons.checks.nb01 import check_staleness, check_ttl_for_rate
from labsupport.lessons.checks.nb01_cache import check_cache
from labsupport.lessons.checks.nb02 import check_fleet_rate, check_route, check_same_rate
from labsupport.lessons.checks.nb03 import check_add_view, check_forget, check_pays
from labsupport.lessons.checks.nb04 import check_correct, check_lifetime, check_publish
from labsupport.lessons.checks.nb05 import check_first_time, check_set_field
from labsupport.lessons.checks.nb05_answer import check_remember_answer
from labsupport.lessons.checks.nb06 import check_count_once, check_order, check_sell
from labsupport.lessons.checks.nb07 import check_allow, check_marker, check_release
from labsupport.lessons.checks.nb08 import check_clear, check_operations, check_worst_wait
from labsupport.lessons.checks.nb09 import check_shortest_ttl, check_verdicts, four_services
from labsupport.lessons.exercises import hint
from labsupport.lessons.knowledge import open_questions
from labsupport.lessons.predictions import errors_so_far, judge, predict, recorded
from labsupport.lessons.quiz import quiz

__all__ = [
    "check_add_view",
    "check_allow",
    "check_cache",
    "check_clear",
    "check_correct",
    "check_count_once",
    "check_first_time",
    "check_fleet_rate",
    "check_forget",
    "check_lifetime",
    "check_marker",
    "check_misses",
    "check_operations",
    "check_order",
    "check_pays",
    "check_platform",
    "check_publish",
    "check_release",
    "check_remember",
    "check_remember_answer",
    "check_route",
    "check_same_rate",
    "check_sell",
    "check_set_field",
    "check_shortest_ttl",
    "check_staleness",
    "check_ttl_for_rate",
    "check_verdicts",
    "check_worst_wait",
    "errors_so_far",
    "four_services",
    "hint",
    "judge",
    "open_questions",
    "predict",
    "quiz",
    "recorded",
]
