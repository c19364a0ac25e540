"""How the user wants to approve a login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Flow = Literal["device", "code"]


@dataclass(frozen=True, slots=True)
class Manner:
    """By a code on any device, or in a browser of this machine; with a QR code where there is room for one."""

    flow: Flow = "device"
    qr: bool = True
