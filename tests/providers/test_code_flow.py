"""A login in a browser of this machine at each issuer."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.support.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.providers.home import Home


def test_a_login_in_a_browser(home: Home, tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    home.give_display(f"printf '%s\\n' \"$@\" > {shlex.quote(str(opened))}; echo noise; echo noise >&2")
    done = home.start_agent(*home.arguments(), "--flow", "code")
    assert done.exit_code == 0, done.stderr
    assert "The issuer has answered." in home.page
    assert "code" not in home.page
    assert "noise" not in done.stderr
    assert home.login().subject == home.issuer.subject
    assert home.token().claims["client_id"] == home.issuer.client_id
    assert home.store.token_file("localhost").stat().st_mtime - done.approved_at < 3

    eventually(lambda: opened.exists() and opened.read_text().endswith("\n"))
    (address,) = opened.read_text().splitlines()
    assert f"    {address}\n" in done.stderr
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    assert (asked["response_type"], asked["code_challenge_method"], asked["prompt"]) == ("code", "S256", "consent")
    assert urlsplit(asked["redirect_uri"])[:1] == ("http",)
    assert urlsplit(asked["redirect_uri"]).hostname == "127.0.0.1"
    assert len(asked["state"]) >= 32
    home.go_on()


def test_a_machine_without_a_program_that_opens_addresses(home: Home) -> None:
    home.give_display()
    done = home.start_agent(*home.arguments(), "--flow", "code")
    assert done.exit_code == 0, done.stderr
    assert "\nOpen this address:\n    https://localhost:" in done.stderr


def test_a_client_of_ones_own(home: Home) -> None:
    home.give_display()
    done = home.start_agent(*home.unregistered(), "--flow", "code")
    assert done.exit_code == 0, done.stderr
    assert home.login().registered_for == "code"
    home.first_login("--profile", "localhost", "--scope", "openid offline_access storage.read:/")  # by device code
    assert home.login().registered_for == "code"


def test_a_client_for_devices_is_replaced_by_one_for_browsers(home: Home) -> None:
    home.first_login(*home.unregistered())
    own = home.login().client_id
    home.give_display()
    scope = "openid offline_access storage.read:/"
    done = home.start_agent("--profile", "localhost", "--scope", scope, "--flow", "code")
    assert done.exit_code == 0, done.stderr
    assert home.login().registered_for == "code"
    assert not home.client_is_known(own)


def test_a_denied_login(home: Home) -> None:
    home.give_display()
    done = home.start_agent(*home.arguments(), "--flow", "code", deny=True)
    assert done.exit_code == 4
    assert "ctaclient: the login was denied\n  try: " in done.stderr
    assert "The issuer has answered." in home.page
    assert not home.has_login()


def test_a_refused_scope(home: Home) -> None:
    home.give_display()
    scope = f"openid offline_access {home.issuer.refused_scope}"
    done = home.start_agent(*home.arguments(), "--flow", "code", "--scope", scope, refused=True)
    assert done.exit_code == 4
    assert "ctaclient: the issuer refused the login: invalid_scope" in done.stderr
    assert not home.has_login()


def test_without_a_display_it_says_what_works(home: Home) -> None:
    done = home.start_agent(*home.arguments(), "--flow", "code")
    assert done.exit_code == 2
    assert "there is no display\n  try: ctaclient start-agent --flow device" in done.stderr
    assert not home.has_login()
