"""The table of known issuers, and what users add to it."""

from __future__ import annotations

import pytest

from ctaclient.config.issuers import Habits
from ctaclient_agent.issuer.issuers import KNOWN, habits_of


def test_every_line_has_its_reason_and_source() -> None:
    for known in KNOWN:
        assert known.url.startswith("https://")
        assert known.habits != Habits(), known.url
        assert known.reason, known.url
        assert known.source, known.url


def test_check_in_has_a_public_client() -> None:
    for host in ("aai", "aai-demo", "aai-dev"):
        habits = habits_of(f"https://{host}.egi.eu/auth/realms/egi", {})
        assert (habits.client_id, habits.registration) == ("oidc-agent", False)
        assert "offline_access" in (habits.scope or "").split()
        assert habits.revocation_ends_all  # it is a Keycloak
    assert habits_of("https://aai.egi.eu/auth/realms/other", {}).client_id is None


@pytest.mark.parametrize("slash", ["", "/"])
def test_iam(slash: str) -> None:
    habits = habits_of(f"https://wlcg.cloud.cnaf.infn.it{slash}", {})
    assert habits.client_name_prefix == "oidc-agent:"
    assert habits.audience_parameter == "audience"
    assert habits.registration
    assert habits.scope == "openid offline_access wlcg"
    assert habits_of(f"https://cms-auth.cern.ch{slash}", {}) == Habits(
        client_name_prefix="oidc-agent:", audience_parameter="audience", registration=True
    )


@pytest.mark.parametrize("slash", ["", "/"])
def test_cta(slash: str) -> None:
    habits = habits_of(f"https://keycloak.cta.cscs.ch/realms/master{slash}", {})
    assert habits == Habits(registration=False, revocation_ends_all=True)


@pytest.mark.parametrize(
    "issuer",
    [
        "https://localhost:8443",
        "https://evil.example/x.cloud.cnaf.infn.it/",
        "https://evil.example/aai.egi.eu/auth/realms/egi",
        "https://aai.egi.eu.evil.example/auth",
        "https://wlcg-cloud-cnaf-infn-it",
    ],
)
def test_of_others_nothing_is_known(issuer: str) -> None:
    assert habits_of(issuer, {}) == Habits()


def test_the_user_wins_word_by_word_and_the_longer_name_over_the_shorter() -> None:
    own = {
        "https://aai.egi.eu/auth/realms/egi/": Habits(client_id="mine"),
        "https://aai.egi.eu/auth/realms/*": Habits(client_id="other", audience_parameter="audience"),
    }
    habits = habits_of("https://aai.egi.eu/auth/realms/egi", own)
    assert (habits.client_id, habits.audience_parameter, habits.registration) == ("mine", "audience", False)
