"""Known issuers and their habits, as data: each line with its reason and source. `config.toml` can add to them."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ctaclient.config.issuers import Habits

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Known:
    """Issuers by URL, in their own spelling (IAM's ends in a slash, Keycloak's does not).

    `*` stands for anything but a slash; one slash at the end does not count.
    """

    url: str
    habits: Habits
    reason: str
    source: str


_LEGACY_AUDIENCE = Habits(audience_parameter="audience")
_LEGACY_REASON = "RFC 8707 came with IAM 1.12; the older word works before and after"
_LEGACY_SOURCE = "oidc-agent's issuer list (legacy_aud_mode); IAM pull request 916"
_IAM = Habits(client_name_prefix="oidc-agent:", registration=True)
_IAM_REASON = "everybody may register; a client of this name becomes its user's own on approval, else nobody's"
_IAM_SOURCE = "IAM application.yml (allow-for ANYONE), IamUserApprovalHandler (1.12, pull request 917)"
_CHECK_IN = Habits(
    client_id="oidc-agent",
    scope="openid profile email offline_access eduperson_entitlement eduperson_scoped_affiliation eduperson_unique_id",
    registration=False,
)
_CHECK_IN_REASON = "a public client exists; one that registers itself gets no scopes"
_CHECK_IN_SOURCE = "oidc-agent issuer.config.d/egi and docs/provider/egi.md"

# From the general to the particular: what comes later wins, word by word.
KNOWN = (
    *(
        Known(
            url,
            Habits(revocation_ends_all=True),
            "Keycloak ends all offline sessions of the user with this client",
            "keycloak issue 26532",
        )
        for url in ("https://*/realms/*", "https://*/auth/realms/*")
    ),
    *(
        entry
        for url in (
            "https://*.cloud.cnaf.infn.it/",
            "https://*-auth.cern.ch/",
            "https://*-auth.web.cern.ch/",
            "https://iam.*/",
            "https://iam-*/",
        )
        for entry in (
            Known(url, _IAM, _IAM_REASON, _IAM_SOURCE),
            Known(url, _LEGACY_AUDIENCE, _LEGACY_REASON, _LEGACY_SOURCE),
        )
    ),
    Known(
        "https://wlcg.cloud.cnaf.infn.it/",
        Habits(scope="openid offline_access wlcg"),
        "`wlcg` selects the token profile that WLCG's storages understand",
        "WLCG common JWT profiles 1.3",
    ),
    *(
        Known(f"https://{host}.egi.eu/auth/realms/egi", _CHECK_IN, _CHECK_IN_REASON, _CHECK_IN_SOURCE)
        for host in ("aai", "aai-demo", "aai-dev")
    ),
    Known(
        "https://keycloak.cta.cscs.ch/realms/*",
        Habits(registration=False),
        "each storage has a client with a secret, which those who run it give out",
        "ctadata 0.7",
    ),
)


def habits_of(issuer: str, own: Mapping[str, Habits]) -> Habits:
    """What is known of `issuer`; `own` is the user's table, which wins over the built-in one."""
    entries = [(known.url, known.habits) for known in KNOWN] + sorted(own.items(), key=lambda entry: len(entry[0]))
    found: dict[str, Any] = {}
    for url, habits in entries:
        if _matches(url, issuer):
            found |= {name: value for name, value in asdict(habits).items() if value is not None}
    return Habits(**found)


def _matches(url: str, issuer: str) -> bool:
    pattern = "[^/]*".join(map(re.escape, url.removesuffix("/").split("*")))
    return re.fullmatch(pattern, issuer.removesuffix("/")) is not None
