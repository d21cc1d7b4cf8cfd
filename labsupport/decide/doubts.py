"""What could be wrong with an answer: each doubt is told only if it applies to this log."""

from __future__ import annotations

import numpy as np

from labsupport.decide.case import Case
from labsupport.decide.memory import UNKNOWN
from labsupport.figures.units import count, duration

FAR = 0.05  # a formula that is off by more than this misleads
HOT = 0.10  # of all requests for one key
MANY = 0.20  # of all requests for files
FILES = r"(?i)\.(?:css|js|png|jpe?g|gif|svg|ico|woff2?)(?:\?|$)"


def doubts(case: Case, ttl: float | None, shared: bool, measured: bool = False) -> list[str]:
    """`ttl`, `shared`: what is advised, None for no cache; `measured`: whether its memory is known."""
    told = [*_of_the_log(case, ttl or case.longest), *_of_the_traffic(case, ttl or case.longest, shared)]
    if case.capacity is None:
        told.append(_of_no_capacity(case, shared))
    if ttl and not (shared or case.instances == 1 or case.by_key):
        told.append(
            f"{case.instances} private caches disagree: for up to {duration(ttl)} after a change two of them "
            "may give different answers. If your users would notice, share after all."
        )
    unknown = float((case.log.sizes < 0).mean())
    if measured and unknown:
        told.append(
            f"The log gives no size for {unknown:.0%} of the keys: that these take {UNKNOWN:,} bytes each is "
            "an assumption."
        )
    if case.log.kind != "CSV":
        told += _of_access_logs(case)
    return [
        *told,
        "How often the data change is not in a log: if that is rare, delete on change and take a longer TTL; "
        "if one stale answer is too many, no TTL is short enough.",
    ]


def _of_the_log(case: Case, ttl: float) -> list[str]:
    told, lasts = [], case.profile.span / ttl
    if case.longest < case.staleness:
        told.append(
            f"Your bound allows {duration(case.staleness)}, but the log is too short to judge a TTL of more "
            f"than {duration(case.longest)} of the grid."
        )
    if lasts < 50:
        told.append(
            f"All caches were empty when the log began, and it lasts {lasts:.0f} TTLs: in the long run they "
            "hit somewhat more."
        )
    if case.log.kept_one_in > 1:
        told.append(
            f"What is said of the whole log are estimates from 1 key in {case.log.kept_one_in}: other keys "
            "would give somewhat other numbers."
        )
    return told


def _of_the_traffic(case: Case, ttl: float, shared: bool) -> list[str]:
    told, seen = [], case.profile
    if seen.says_enough(seen.ttl) and abs(seen.real - seen.formula) >= FAR:
        name = "is bursty" if seen.bursty else "does not come by chance"
        told.append(
            f"Your traffic {name}: at a TTL of {duration(seen.ttl)} the formula would have told you "
            f"{seen.formula:.0%}, your log says {seen.real:.0%}. A log of another day may say something else."
        )
    mean, most = case.reads(ttl, shared), case.busiest(ttl, shared)
    if most >= 1.5 * mean > 0:
        told.append(
            f"In the busiest minute the origin is read {count(most)} times a second, {most / mean:.1f} "
            "times the average: does your log hold your busiest hour?"
        )
    hottest = seen.most_asked[0][1] / case.log.requests
    if hottest >= HOT:
        told.append(
            f"One key gets {hottest:.0%} of the requests. When its entry expires, many may ask the origin at "
            "once (notebook 07): these numbers count one read for each fill."
        )
    return told


def _of_no_capacity(case: Case, shared: bool) -> str:
    """From which capacity on the rules say otherwise."""
    most = max(case.reads(case.longest, False), case.busiest(case.longest, False))
    private = "that private caches send on, those will"
    otherwise = f"fewer than {count(most)} reads a second, the most {private} not do"
    if shared:
        otherwise = f"more than {count(2 * most)} reads a second, twice the most {private} do"
    return f"You named no capacity. If the origin can take {otherwise}: name its capacity and ask again."


def _of_access_logs(case: Case) -> list[str]:
    keys = case.log.traffic["key"].cat
    told = [
        "The key is the URL alone: if answers differ by user, language or device, there are more keys and "
        "fewer hits.",
        "If a CDN or a browser cache stands in front, the log shows only what got through.",
    ]
    if case.log.files < case.instances:
        told.append(
            f"If each of the {case.instances} instances writes a log of its own, this is only a part of the "
            "traffic and all numbers are too small: read their logs together, as a list."
        )
    if not keys.categories.str.contains("?", regex=False).any():
        told.append(
            "The keys are without query strings: if these change the answer, read the log with query=True."
        )
    files = np.asarray(keys.categories.str.contains(FILES))[keys.codes].mean()
    if files >= MANY:
        told.append(
            f"{files:.0%} of the requests are for files such as .css or .png: if these never reach the "
            "origin, leave them out of the log and ask again."
        )
    return told
