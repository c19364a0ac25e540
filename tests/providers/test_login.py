"""A first login at each issuer, and the ways in which it does not come about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ctaclient._util.private import write_private
from tests.providers.differences import has

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.providers.home import Home
    from tests.providers.issuer import Issuer
    from tests.providers.oidc_provider import OidcProvider

SCOPE = "openid offline_access"


def test_first_login(home_on: Callable[[Issuer], Home], shipped_issuer: Issuer) -> None:
    home = home_on(shipped_issuer)
    done = home.first_login()
    assert done.stdout == ""
    assert f"the agent is running (pid {home.pid()}), logged in to localhost; " in done.stderr
    file = home.store.token_file("localhost")
    assert file.stat().st_mode & 0o777 == 0o600
    # one poll, and a busy machine
    poll_s = 5 if has(shipped_issuer, "no interval") else 1
    assert file.stat().st_mtime - done.approved_at < poll_s + 2

    token, record = home.token(), home.record()
    assert token.header["typ"] == "at+jwt"
    assert token.header["alg"] == ("RS256" if has(shipped_issuer, "RS256") else "ES256")
    assert home.login().subject == shipped_issuer.subject  # by the ID token, which names nobody unless it is valid
    assert (token.claims["iss"], token.claims["sub"]) == (shipped_issuer.url, shipped_issuer.subject)
    assert token.claims["client_id"] == shipped_issuer.client_id
    assert (record.state, record.generation, record.issuer) == ("fresh", 1, shipped_issuer.url)
    assert record.expires_at == pytest.approx(token.claims["exp"], abs=2)
    shown = home.run("token")
    assert (shown.returncode, shown.stdout) == (0, file.read_text() + "\n")

    again = home.go_on()
    assert f"the agent is running (pid {home.pid()})" in again.stderr
    assert home.generation() == 1


def test_a_confidential_client(home: Home) -> None:
    home.first_login(*home.confidential())
    assert home.token().claims["client_id"] == home.issuer.confidential_client_id
    assert home.login().client_secret == home.issuer.client_secret_file.read_text().strip()
    assert home.run("stop-agent").returncode == 0
    home.go_on()  # with the sealed secret
    assert home.generation() == 2


def test_a_wrong_secret(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "wrong-secret"
    write_private(file, b"not:the one\n")
    arguments = [*home.arguments(home.issuer.confidential_client_id), "--client-secret-file", str(file)]
    done = home.start_agent(*arguments)
    assert done.exit_code == 4
    assert "ctaclient: the issuer refused the login: invalid_client" in done.stderr
    assert "the one" not in done.stderr
    assert not home.has_login()


def test_a_wrong_client_id(home: Home) -> None:
    done = home.start_agent(*home.arguments("nobody"))
    assert done.exit_code == 4
    assert "ctaclient: the issuer refused the login: invalid_client" in done.stderr
    assert not home.has_login()


def test_a_denied_login(home: Home) -> None:
    done = home.start_agent(*home.arguments(), deny=True)
    assert done.exit_code == 4
    assert "ctaclient: the login was denied\n  try: " in done.stderr
    assert not home.has_login()


def test_an_issuer_of_another_name(home: Home) -> None:
    other = home.issuer.url.replace("localhost", "127.0.0.1")
    done = home.start_agent(*home.arguments(), "--issuer", other)
    assert done.exit_code == 4
    assert f"{other} says that its name is {home.issuer.url}" in done.stderr
    assert not home.has_login()


def test_an_address_that_is_no_issuer(home: Home) -> None:
    other = f"{home.issuer.url}/realms/none"
    done = home.start_agent(*home.arguments(), "--issuer", other)
    assert done.exit_code == 4
    assert f"{other} is no OpenID issuer: its discovery document answers 404" in done.stderr
    assert not home.has_login()


def test_a_slash_at_the_end_is_forgiven(home: Home) -> None:
    home.first_login(*home.arguments(), "--issuer", f"{home.issuer.url}/")
    assert home.record().issuer == home.issuer.url
    assert home.login().subject == home.issuer.subject  # so the ID token's `iss` was measured by the issuer's own name


def test_a_refused_scope(home: Home) -> None:
    done = home.start_agent(*home.arguments(), "--scope", f"{SCOPE} {home.issuer.refused_scope}")
    assert done.exit_code == 4
    assert "ctaclient: the issuer refused the login: invalid_scope" in done.stderr
    assert not home.has_login()


def test_an_unknown_scope(home: Home) -> None:
    done = home.start_agent(*home.arguments(), "--scope", f"{SCOPE} no.such.scope")
    if not has(home.issuer, "leaves out unknown scopes"):
        assert done.exit_code == 4
        assert "invalid_scope" in done.stderr
        return
    assert done.exit_code == 0, done.stderr
    assert "no.such.scope" not in home.token().claims.get("scope", "")
    home.go_on()  # what was asked for is kept beside what was granted, so this is the same login


def test_a_scope_of_the_storage(home: Home) -> None:
    home.first_login(*home.arguments(), "--scope", f"{SCOPE} storage.read:/")
    granted = "storage.read:/" if has(home.issuer, "scope of the resource only") else f"{SCOPE} storage.read:/"
    assert home.token().claims["scope"] == granted
    assert home.record().scope == granted


def test_without_offline_access_there_is_no_login(home: Home) -> None:
    done = home.start_agent(*home.arguments(), "--scope", "openid")
    assert done.exit_code == 4
    assert f'try: --scope "{SCOPE}"' in done.stderr
    assert not home.has_login()


@pytest.mark.parametrize("name", ["oidc-provider"], indirect=True)
def test_a_forged_id_token_is_no_login(
    name: str, home_on: Callable[[Issuer], Home], request: pytest.FixtureRequest
) -> None:
    provider: OidcProvider = request.getfixturevalue("provider")
    home = home_on(provider.issuer("forging"))
    done = home.start_agent(*home.arguments())
    assert done.exit_code == 4
    assert "the issuer's ID token is not valid: BadSignatureError" in done.stderr
    assert not home.has_login()
