"""A local issuer, door and pool to try ctaclient with and to test it against, without account and network."""

from __future__ import annotations

from ctaclient.sandbox.faults.fault import ACTIONS, Fault
from ctaclient.sandbox.options import Options
from ctaclient.sandbox.person import approve
from ctaclient.sandbox.record import Record
from ctaclient.sandbox.sandbox import Sandbox
from ctaclient.sandbox.show import run

__all__ = ["ACTIONS", "Fault", "Options", "Record", "Sandbox", "approve", "run"]
