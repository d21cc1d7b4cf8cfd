"""Requests as a DataFrame: `at` (seconds from the first request, ascending), `key` (categorical of str)."""

from labsupport.traffic.made import zipf_traffic
from labsupport.traffic.read import NoSuchTrafficFile, read_traffic

__all__ = ["NoSuchTrafficFile", "read_traffic", "zipf_traffic"]
