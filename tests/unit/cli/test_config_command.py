"""`ctaclient config show`: each setting with its origin."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ctaclient.config.file import save_profile
from ctaclient.config.profiles import Profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from tests.unit.cli.conftest import Outcome

    Cli = Callable[..., Outcome]


def test_origins(cli: Cli, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = Profile("site", storage_url="https://site.example", issuer="https://issuer.example")
    save_profile(home / "config" / "config.toml", profile, make_default=True)
    monkeypatch.setenv("CTACLIENT_CA_BUNDLE", "/some/ca.pem")
    outcome = cli("config", "show", "--storage-url", "https://other.example", "--profile", "site")
    lines = outcome.out.splitlines()
    assert outcome.code == 0
    assert lines[:7] == [
        "profile            site  (argument)",
        "storage_url        https://other.example  (argument)",
        "issuer             https://issuer.example  (config.toml)",
        "client_id          -  (not set)",
        "scope              openid offline_access  (built-in)",
        "ca_bundle          /some/ca.pem  (CTACLIENT_CA_BUNDLE)",
        "oidc_agent_account -  (not set)",
    ]
    assert lines[7] == f"config file        {home}/config/config.toml"
    assert lines[8] == f"token store        {home}/store  (not there yet)"


def test_as_json(cli: Cli) -> None:
    settings = [json.loads(line) for line in cli("config", "show", "--json").out.splitlines()]
    assert settings[0] == {"setting": "profile", "value": "cta-cscs", "origin": "built-in"}
    assert [each["setting"] for each in settings] == [
        *("profile", "storage_url", "issuer", "client_id", "scope", "ca_bundle", "oidc_agent_account")
    ]


def test_a_file_that_is_not_understood(cli: Cli, home: Path) -> None:
    (home / "config").mkdir(parents=True, mode=0o700)
    (home / "config" / "config.toml").write_text("[profiles.a]\nsecret = 'x'\n")
    outcome = cli("config", "show")
    assert (outcome.code, outcome.out) == (2, "")
    assert "profile 'a' has the unknown key 'secret'" in outcome.err
    assert "  try: correct " in outcome.err
