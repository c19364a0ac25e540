"""TLS contexts. Verification is never off; an extra CA bundle is added to the system's trust store."""

from __future__ import annotations

import ssl

from ctaclient.errors import ConfigError


def client_context(ca_bundle: str | None = None) -> ssl.SSLContext:
    """A context that trusts the system's CAs and, if given, those in the PEM file `ca_bundle`.

    Raises ConfigError when the bundle cannot be read.
    """
    context = ssl.create_default_context()
    paths = ssl.get_default_verify_paths()
    if not (paths.cafile or paths.capath):
        # A Python whose OpenSSL looks where this machine has no certificates, as portable builds do.
        import certifi

        context.load_verify_locations(cafile=certifi.where())
    if ca_bundle:
        try:
            context.load_verify_locations(cafile=ca_bundle)
        except (OSError, ssl.SSLError) as error:
            why = error.strerror if not isinstance(error, ssl.SSLError) and error.strerror else "no PEM certificates"
            raise ConfigError(
                f"the CA bundle {ca_bundle} cannot be used: {why}",
                hint="set --ca-bundle or CTACLIENT_CA_BUNDLE to a file of PEM certificates",
            ) from None
    return context
