"""TLS contexts, and what a refused certificate means. Verification is never off."""

from __future__ import annotations

import ssl

from ctaclient._util.redact import printable
from ctaclient.errors import ConfigError, TlsError

_EXPIRED = 10
_NAME_MISMATCH = (62, 64)  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH


def client_context(ca_bundle: str | None = None) -> ssl.SSLContext:
    """A context that trusts the system's CAs and, if given, those in the PEM file `ca_bundle`.

    Raises ConfigError when the bundle cannot be read.
    """
    context = ssl.create_default_context()
    # Python leaves this to how OpenSSL was built and configured; RFC 8996 retires what is older.
    context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
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


def certificate_error(error: ssl.SSLCertVerificationError, peer: str) -> TlsError:
    """Our error for a refused certificate of `peer` (`host:port`): wrong host, expired and unknown CA differ."""
    if error.verify_code in _NAME_MISMATCH:
        return TlsError(f"the certificate of {peer} is for another host", hint="check the host name in the URL")
    if error.verify_code == _EXPIRED:
        return TlsError(f"the certificate of {peer} has expired", hint="tell those who run it; check the clock here")
    why = printable(error.verify_message, limit=80)
    return TlsError(
        f"the certificate of {peer} is not signed by a trusted CA ({why})",
        hint="name its CA with --ca-bundle FILE or CTACLIENT_CA_BUNDLE",
    )
