"""oidc-provider with the fault layer in front of it: one issuer, whose name is the layer's address."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.providers.fault_layer import FaultLayer
from tests.providers.oidc_provider import running_provider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.providers.issuer import Issuer
    from tests.providers.oidc_provider import OidcProvider


@dataclass(frozen=True, slots=True)
class Layered:
    """The two together."""

    provider: OidcProvider
    layer: FaultLayer

    def issuer(self, kind: str) -> Issuer:
        """The provider as its clients of `kind` see it through the layer."""
        return replace(self.provider.issuer(kind), url=self.layer.url, ca_file=self.layer.ca_file)

    def shift_clock(self, seconds: float) -> None:
        """Have the issuer's clock wrong by this much: in the tokens and in the `Date` header."""
        self.provider.shift_clock(seconds)
        self.layer.clock_shift_s = seconds

    def reset(self) -> None:
        """As new, but for the logins that there are."""
        if self.layer.clock_shift_s:
            self.shift_clock(0)
        self.layer.reset()

    def now(self) -> float:
        """Seconds since the epoch by the issuer's clock."""
        return time.time() + self.layer.clock_shift_s


@contextlib.contextmanager
def running_layered(directory: Path) -> Iterator[Layered]:
    """Both until the end of the block."""
    with (
        FaultLayer(directory) as layer,
        running_provider(directory, issuer=layer.url) as provider,
    ):
        layer.lead_to(provider.url, provider.ca_file)
        yield Layered(provider, layer)
