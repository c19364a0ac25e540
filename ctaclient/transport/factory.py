"""Putting the stack together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctaclient.transport.dial import Dialer
from ctaclient.transport.limits import Timeouts
from ctaclient.transport.pool import Pool
from ctaclient.transport.session import Session
from ctaclient.transport.wire import Wire

if TYPE_CHECKING:
    import ssl

    from ctaclient._util.clock import Clock
    from ctaclient.transport.access import Access
    from ctaclient.transport.proxy import Proxies

USER_AGENT = "ctaclient"


def new_session(
    context: ssl.SSLContext, proxies: Proxies, access: Access, clock: Clock, timeouts: Timeouts | None = None
) -> Session:
    """A session with connections of its own."""
    limits = timeouts or Timeouts()
    return Session(Wire(Pool(Dialer(context, proxies, limits), clock), limits), access)
