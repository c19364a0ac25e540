"""The issuers in `config.toml`."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctaclient.config.file import parse
from ctaclient.config.issuers import Habits, parse_issuers
from ctaclient.errors import ConfigError


def test_a_table() -> None:
    text = """
[issuers."https://iam.example/"]
client_id = "public"
scope = "openid offline_access wlcg"
registration = false
client_name_prefix = "oidc-agent:"
audience_parameter = "audience"
revocation_ends_all = true
"""
    assert parse(tomllib.loads(text), "file").issuers == {
        "https://iam.example/": Habits("public", "openid offline_access wlcg", False, "oidc-agent:", "audience", True)  # noqa: FBT003 - all of them, in order
    }


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("issuers = []", "'issuers' is a table of tables"),
        ("[issuers]\n'https://a' = 1", "issuer 'https://a' is a table"),
        ("[issuers.'http://a']", "issuer 'http://a' is no https URL"),
        ('[issuers."\\u001b[31m"]', "is no https URL"),
        ("[issuers.'https://a']\nsecret = 'x'", "has the unknown key 'secret'; known are client_id, scope, "),
        ("[issuers.'https://a']\nregistration = 'yes'", "'registration' of issuer 'https://a' is true or false"),
        ("[issuers.'https://a']\nscope = 1", "'scope' of issuer 'https://a' is a text"),
        ("[issuers.'https://a']\naudience_parameter = 'aud'", "is one of resource, audience"),
    ],
)
def test_what_is_not_understood_is_refused(text: str, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(tomllib.loads(text), "file")
    assert why in str(caught.value)
    assert str(caught.value).isprintable()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("https://a"), inner),
    )
)
def test_nothing_else_comes_out_than_habits_or_a_config_error(tables: object) -> None:
    found: dict[str, Habits] = {}
    said = ""
    try:
        found = parse_issuers(tables, "file")
    except ConfigError as error:
        said = str(error)
    assert said.isprintable()
    assert all(isinstance(habits, Habits) for habits in found.values())
