"""A profile is who and where: issuer, client and storage URL under one name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ctaclient._util.origin import Origin
from ctaclient.errors import UsageError

DEFAULT_SCOPE = "openid offline_access"
DEFAULT_PROFILE = "cta-cscs"
# What CTACLIENT_STORAGE_URL makes. It has no store of its own, so no stored token can go where the variable points.
ENVIRONMENT_PROFILE = "env"


@dataclass(frozen=True, slots=True)
class Profile:
    """Where the data is, and who says who you are. A missing value is None.

    With `oidc_agent_account` the tokens are those of that account of oidc-agent, instead of a login of our own.
    """

    name: str
    storage_url: str | None = None
    issuer: str | None = None
    client_id: str | None = None
    scope: str | None = None
    ca_bundle: str | None = None
    oidc_agent_account: str | None = None


# What lies beside the profiles' directories in the store.
_RESERVED = ("lease", "machines")

# The values of ctadata 0.7, so that its users find their storage without a configuration file.
BUILTIN = {
    profile.name: profile
    for profile in (
        Profile(
            "cta-cscs",
            storage_url="https://dcache.cta.cscs.ch:2880",
            issuer="https://keycloak.cta.cscs.ch/realms/master/",
            client_id="dcache-cta-cscs-ch-users",
        ),
        Profile(
            "cta-cscs-dev",
            storage_url="https://dcache-dev.ctaodc.ch:2880",
            issuer="https://keycloak.cta.cscs.ch/realms/master/",
            client_id="dcache-dev",
        ),
    )
}


def check_profile_name(name: str) -> str:
    """`name`, if it is one. Raises UsageError: names become file names and parts of `cta://PROFILE/path`."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name) or name in _RESERVED:
        raise UsageError(
            f"{name!r} is no profile name: use small letters, digits and dashes; {' and '.join(_RESERVED)} are taken",
            hint="for example --profile cta-cscs",
        )
    return name


def profile_name_for(storage_url: str) -> str:
    """The name that a profile gets when the user gave none: its storage's host."""
    return re.sub(r"[^a-z0-9]+", "-", Origin.of(storage_url).host).strip("-")
