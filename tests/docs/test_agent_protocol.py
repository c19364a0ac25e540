"""`docs/agent-protocol.md`: its examples are sent to a running agent, and its figures are those of the code."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest

from ctaclient.control import messages
from ctaclient.control.messages import (
    Operation,
    decode_answer,
    decode_request,
    encode_answer,
    encode_refusal,
    encode_request,
)
from ctaclient.errors import CtaError, ProtocolError
from ctaclient.tokens.scoped import TokenRequest

if TYPE_CHECKING:
    from tests.support.agent_home import AgentHome

TEXT = (Path(__file__).parents[2] / "docs" / "agent-protocol.md").read_text(encoding="utf-8")
OPERATIONS = get_args(Operation)
BLOCKS = re.findall(r"^```json (\w+)(?: (\w+))?\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
REQUESTS = {name: json.loads(body) for kind, name, body in BLOCKS if kind == "request" and name != "refused"}
ANSWERS = {name: json.loads(body) for kind, name, body in BLOCKS if kind == "answer"}
REFUSED = [json.loads(body) for kind, name, body in BLOCKS if kind == "request" and name == "refused"]
REFUSALS = [json.loads(body) for kind, _, body in BLOCKS if kind == "refusal"]
PROFILE = "cta-cscs"


@pytest.fixture
def home(agent_home: AgentHome) -> AgentHome:
    """Logged in, with the scope of the example among others."""
    done = agent_home.start(*agent_home.arguments(), "--scope", f"openid offline_access {REQUESTS['token']['scope']}")
    assert done.exit_code == 0, done.stderr
    return agent_home


def line(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode() + b"\n"


def say(home: AgentHome, body: dict[str, Any]) -> Any:
    """What the agent answers to just these bytes."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(home.paths.agent_socket))
        connection.sendall(line(body))
        with connection.makefile("rb") as stream:
            answers = stream.readlines()
    assert len(answers) == 1
    return json.loads(answers[0])


def of_profile(name: str, body: dict[str, Any]) -> dict[str, Any]:
    """An example, of another profile."""
    changed = json.loads(json.dumps(body).replace(f'"{PROFILE}"', f'"{name}"'))
    assert isinstance(changed, dict)
    return changed


def shape(value: Any) -> Any:
    """Fields and kinds of values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    return {bool: "boolean", int: "number", float: "number", str: "text", type(None): "null"}[type(value)]


def test_every_operation_has_its_examples() -> None:
    assert tuple(REQUESTS) == tuple(ANSWERS)
    assert set(REQUESTS) == set(OPERATIONS)
    assert len(REFUSED) == len(REFUSALS) > 0
    assert {body["op"] for body in REQUESTS.values()} == set(OPERATIONS)


@pytest.mark.parametrize("op", OPERATIONS)
def test_requests_and_answers_are_ours(op: str) -> None:
    request, answer = REQUESTS[op], ANSWERS[op]
    assert json.loads(encode_request(decode_request(line(request)))) == request
    assert decode_answer(line(answer)) == answer
    facts = {name: value for name, value in answer.items() if name not in ("v", "ok")}
    assert json.loads(encode_answer(**facts)) == answer


@pytest.mark.parametrize("refusal", REFUSALS)
def test_refusals_are_ours(refusal: dict[str, Any]) -> None:
    with pytest.raises(CtaError) as caught:
        decode_answer(line(refusal))
    assert json.loads(encode_refusal(caught.value)) == refusal


def test_a_running_agent_answers_so(home: AgentHome) -> None:
    for request, refusal in zip(REFUSED, REFUSALS, strict=True):
        assert say(home, request) == refusal
    answers = {op: say(home, of_profile(home.profile, request)) for op, request in REQUESTS.items()}
    for op, answer in answers.items():
        assert shape(answer) == shape(of_profile(home.profile, ANSWERS[op])), op
    wish = TokenRequest.of(REQUESTS["token"]["scope"], REQUESTS["token"]["audience"])
    text = json.dumps([wish.scope, wish.audience])
    assert wish.key() == hashlib.sha256(text.encode()).hexdigest()[:24]
    assert answers["token"]["file"] == str(home.store.scoped(home.profile).token_file(wish.key()))
    assert ANSWERS["token"]["file"].endswith(f"/{wish.key()}/token")
    assert answers["status"]["store"] == str(home.paths.store)


def test_unknown_fields_are_ignored_and_unknown_operations_refused() -> None:
    assert decode_request(b'{"v": 1, "op": "status", "later": [1]}\n').op == "status"
    assert decode_answer(b'{"v": 1, "ok": true, "later": [1]}\n')["later"] == [1]
    with pytest.raises(ProtocolError, match="unknown operation"):
        decode_request(b'{"v": 1, "op": "later"}\n')


def keys(value: Any) -> set[str]:
    if not isinstance(value, dict):
        return set()
    return set(value).union(*map(keys, value.values()))


def test_every_field_is_explained() -> None:
    used = set().union(*map(keys, [*REQUESTS.values(), *ANSWERS.values(), *REFUSALS])) - {PROFILE}
    tables = "\n".join(row for row in TEXT.splitlines() if row.startswith("|"))
    explained = set(re.findall(r"`(?:lease\.)?(\w+)`", tables))
    # said in sentences, not in a table
    explained |= {name for name in ("ok", "refreshed", "file") if f"`{name}`" in TEXT}
    assert used <= explained
    assert set(messages.Request.__dataclass_fields__) <= explained
