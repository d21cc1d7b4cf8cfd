"""Faults made to order, on real servers and real connections, and healed afterwards."""

from labsupport.faults.proxy import FaultProxy as FaultProxy
from labsupport.faults.replica import Replica as Replica
from labsupport.faults.spare import SpareServer as SpareServer
