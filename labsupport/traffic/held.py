"""The requests of a log in little memory: compact arrays, and beyond a limit a sample of the keys."""

from __future__ import annotations

import sys
from array import array
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from labsupport.errors import BadArgument
from labsupport.traffic.made import traffic_frame

KEY_BYTES = 1 << 28  # for the text of the keys and what Python needs around it
AROUND_A_KEY = 100  # its places in a dict, in two arrays and in an index
JUMP = 5.0  # seconds; access logs are written at a request's end, so small steps back are normal


class Held:
    """12 bytes a request, and each distinct key once with the size of its answer.

    Above `most` requests, or KEY_BYTES, only the keys whose crc32 is in the lowest 1/one_in are kept, each
    with all its requests, and one_in doubles until they fit: the spatial sampling of SHARDS (Waldspurger,
    Park, Garthwaite, Ahmad, FAST 2015). Not crc32 % one_in: that is how route="by_key" finds an instance.
    """

    def __init__(self, most: int) -> None:
        self.most, self.one_in, self.skipped = most, 1, 0
        self.at, self.codes = array("d"), array("i")
        self.keys: dict[str, int] = {}  # key -> its code
        self.sizes, self.sized_at = array("q"), array("d")  # for each code: bytes (-1: unknown), when known
        self.key_bytes, self.why = 0, ""  # why: what there is too much of
        self.file_from = 0  # where the requests of the present file begin

    def add(self, at: float, key: str, size: int) -> None:
        """One more request; its size counts if it is the key's earliest that has one."""
        code = self.keys.get(key)
        if code is None:
            if self.one_in > 1 and not _chosen(key, self.one_in):
                self.skipped += 1
                return
            code = self.keys[key] = len(self.keys)
            self.sizes.append(-1)
            self.sized_at.append(np.inf)
            self.key_bytes += sys.getsizeof(key) + AROUND_A_KEY
        self.at.append(at)
        self.codes.append(code)
        if size >= 0 and at < self.sized_at[code]:
            self.sizes[code], self.sized_at[code] = size, at
        if len(self.at) > self.most or self.key_bytes > KEY_BYTES:
            self._thin()

    def _thin(self) -> None:
        """Keep half of the keys, and half again, until what is left fits."""
        while len(self.at) > self.most or self.key_bytes > KEY_BYTES:
            many = len(self.at) > self.most
            self.why = f"{self.most:,} requests" if many else f"{KEY_BYTES >> 20} MB of keys"
            self.one_in *= 2
            chosen = np.array([_chosen(key, self.one_in) for key in self.keys])
            stays = chosen[np.frombuffer(self.codes, dtype=np.int32)]
            self.skipped += int(np.count_nonzero(~stays))
            self.file_from = int(np.count_nonzero(stays[: self.file_from]))
            renumbered = np.cumsum(chosen, dtype=np.int32) - np.int32(1)
            self.codes = _part(self.codes, stays, renumbered)
            self.at, self.sizes = _part(self.at, stays), _part(self.sizes, chosen)
            self.sized_at = _part(self.sized_at, chosen)
            self.keys = {key: i for i, key in enumerate(k for k, c in zip(self.keys, chosen) if c)}
            self.key_bytes = sum(sys.getsizeof(key) + AROUND_A_KEY for key in self.keys)
            if not self.keys:
                raise BadArgument(
                    f"No sample of whole keys fits into most={self.most:,} requests, because few keys get "
                    "nearly all of them; give a larger most=."
                )

    def end_of_file(self) -> tuple[int, float, bool]:
        """Of the file just read: how many came after a later one, by how many seconds, are minutes stuck?

        Minutes are stuck if all times share one minute of the hour, and again and again two requests in
        a row are seconds earlier than the one before: %m, the month, written where %M was meant.
        """
        at = np.frombuffer(self.at)[self.file_from :]
        self.file_from = len(self.at)
        behind = np.maximum.accumulate(at) - at
        late = int(np.count_nonzero(behind))
        if not late:
            return 0, 0.0, False
        fall = at[:-2] - at[1:-1]
        falls = np.count_nonzero((fall > JUMP) & (fall < 60) & (at[2:] < at[:-2] - JUMP))
        one_minute = np.ptp(at // 60 % 60) == 0
        return late, float(behind.max()), bool(one_minute and falls >= 3)

    def notes(self) -> list[str]:
        """What was sampled, if the log is too large."""
        if self.one_in == 1:
            return []
        total = len(self.at) + self.skipped
        return [
            f"Kept only 1 key in {self.one_in}, each with all its requests, {len(self.at):,} of {total:,}, "
            f"because the log has more than {self.why}. The whole log has about {self.one_in} times as many "
            "misses as these."
        ]

    def in_order(self) -> tuple[pd.DataFrame, NDArray[np.int64]]:
        """The requests by time, equal times as they were read; and the size for each category of key."""
        at = np.frombuffer(self.at)
        codes: NDArray[Any] = np.frombuffer(self.codes, dtype=np.int32)
        seen = np.arange(len(self.keys))  # codes by first request
        if (at[1:] < at[:-1]).any():
            order = np.argsort(at, kind="stable")
            at, codes = at[order], codes[order]
            del order
            codes, seen = pd.factorize(codes)
        keys = list(self.keys)
        return traffic_frame(at, codes, [keys[i] for i in seen]), np.array(self.sizes, dtype=np.int64)[seen]


def _chosen(key: str, one_in: int) -> bool:
    """Whether this key belongs to the sample."""
    return crc32(key.encode()) * one_in < 1 << 32


def _part(values: array[Any], stays: NDArray[np.bool_], names: NDArray[np.int32] | None = None) -> array[Any]:
    """The values that stay, translated by `names`, as an array that can grow."""
    kept = np.frombuffer(values, dtype=values.typecode)[stays]
    part = array(values.typecode)
    part.frombytes((kept if names is None else names[kept]).tobytes())
    return part
