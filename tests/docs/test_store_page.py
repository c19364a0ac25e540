"""`docs/store.md`: its files are those of a real store, its examples are read by the code that reads real ones."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from ctaclient.client import Client
from ctaclient.tokens.record import Record, parse_record
from ctaclient_agent.machines.holder import Holder, read_holder
from ctaclient_agent.refreshing.schedule import State

if TYPE_CHECKING:
    from tests.support.agent_home import AgentHome

TEXT = (Path(__file__).parents[2] / "docs" / "store.md").read_text(encoding="utf-8")
EXAMPLES = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)]


def rows(first: str) -> list[str]:
    """The first cells of the table whose head begins with `first`."""
    (table,) = re.findall(rf"^\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    return re.findall(r"^\| (.*?) \|", table, re.MULTILINE)


def test_the_record_is_one_and_each_field_is_explained() -> None:
    example = EXAMPLES[0]
    record = parse_record(json.dumps(example).encode(), "the docs")
    assert json.loads(record.to_json()) == example
    names = ["version", *(field.name for field in fields(Record))]
    assert list(example) == names
    explained = [name for row in rows("field") for name in re.findall(r"`(\w+)`", row)]
    assert sorted(explained) == sorted(names)


def test_the_holder_is_one() -> None:
    example = EXAMPLES[1]
    assert list(example) == [field.name for field in fields(Holder)]
    holder = read_holder(example)
    assert holder is not None
    assert holder.to_dict() == example


def test_each_state_is_explained() -> None:
    assert [row.strip("`") for row in rows("state")] == list(get_args(State))


def test_the_files_are_those_of_a_store(agent_home: AgentHome) -> None:
    scope = "storage.read:/"
    done = agent_home.start(*agent_home.arguments(), "--scope", f"openid offline_access {scope}")
    assert done.exit_code == 0, done.stderr
    Client(environ=agent_home.environ).token(scope=scope)

    def general(path: Path) -> str:
        """A name as the page writes it: directories of numbers and keys end the path."""
        name = str(path.relative_to(agent_home.paths.store)).replace(agent_home.profile, "PROFILE")
        name = re.sub(r"scoped/[0-9a-f]{24}/(token|record\.json)$", "scoped/KEY/", name)
        name = re.sub(r"(lease|spending)/\d+$", r"\1/", name)
        return re.sub(r"machines/[0-9a-f]{16}\.json$", "machines/ID.json", name)

    seen = {general(path) for path in agent_home.paths.store.rglob("*") if path.is_file()}
    shown = {
        row.strip("`") for row in re.findall(r"^\| (`.*?`) \|", TEXT.split("What belongs to one machine")[0], re.M)
    }
    assert seen == shown - {"PROFILE/pending.json"}  # only while somebody is waited for
