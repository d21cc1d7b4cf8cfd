"""Requests as a DataFrame: `at` (seconds from the first request, ascending), `key` (categorical of str)."""

from labsupport.traffic.lines import NoSuchTrafficFile
from labsupport.traffic.made import zipf_traffic
from labsupport.traffic.read import TrafficLog, read_log, read_traffic

__all__ = ["NoSuchTrafficFile", "TrafficLog", "read_log", "read_traffic", "zipf_traffic"]
