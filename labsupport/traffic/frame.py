"""The one shape of traffic, whether made or read."""

from __future__ import annotations

import numpy as np
import pandas as pd


def traffic_frame(at: np.ndarray, codes: np.ndarray, keys: list[str]) -> pd.DataFrame:
    """Traffic that counts from its first request."""
    key = pd.Categorical.from_codes(codes, categories=pd.Index(keys, dtype="str"))
    return pd.DataFrame({"at": at - at[0], "key": key})
