"""The configuration file of a bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyerlnode.bridge.mqtt.configuration import load
from pyerlnode.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

FULL = """
[mqtt]
brokers = ["mqtt://host:1", "mqtts://kate:secret@host"]
name = "Elixir.Devices"
keepalive = 10
queue_limit = 5
[mqtt.codecs]
"sensors/#" = "json"
[[pubsub]]
name = "Elixir.Demo.PubSub"
pool_size = 2
[[route]]
filter = "a/#"
name = "sensors"
node = "alex@host"
qos = 2
[[route]]
filter = "b"
pg = "sensors"
scope = "other"
codec = "text"
[[route]]
filter = "c"
pubsub = "Elixir.Demo.PubSub"
pubsub_topic = "in"
[[route]]
filter = "d"
call = "Elixir.Rpc"
timeout = 2
[[route]]
filter = "e"
function = "json:loads"
[[back]]
topic = "out"
name = "out"
retain = true
[[back]]
topic = "out"
pg = "out"
[presence]
prefix = "nodes"
[broker]
port = 1883
"""


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    file = tmp_path / "bridge.toml"
    file.write_text(FULL)
    children = load(str(file))
    assert [str(child.id) for child in children] == [
        "Elixir.Demo.PubSub.Supervisor",
        "broker",
        "Elixir.Devices",
    ]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[mqtt", "Expected"),
        ("", "brokers is missing"),
        ("[mqtt]\nbrokers = ['http://x']", "a broker is mqtt"),
        ("[mqtt]\nbrokers = ['mqtt://x']\ncolor = 1", "mqtt has no 'color'"),
        ("[mqtt]\nbrokers = ['mqtt://x']\nkeepalive = 'x'", "keepalive"),
        ("mqtt = 5", "mqtt is a table"),
        ("colors = 5", "the file has no 'colors'"),
        ("route = 5\n[mqtt]\nbrokers = ['mqtt://x']", "route is a list of tables"),
        ("[[route]]\nfilter = 'a'", "one of name, pg"),
        ("[[route]]\nfilter = 'a'\nname = 'x'\npg = 'y'", "not name and pg"),
        ("[[route]]\nname = 'x'", "filter: text is wanted"),
        ("[[route]]\nfilter = 'a/#/b'\nname = 'x'", "is no filter"),
        ("[[route]]\nfilter = 'a'\nname = 5", "name: text is wanted"),
        ("[[route]]\nfilter = 'a'\npubsub = 'x'", "pubsub_topic: text is wanted"),
        ("[[route]]\nfilter = 'a'\nfunction = 'json'", "package.module:function"),
        ("[[route]]\nfilter = 'a'\nfunction = 'json:nothing'", "has no attribute"),
        ("[[route]]\nfilter = 'a'\nfunction = 'no_such:f'", "No module"),
        ("[[back]]\ntopic = 'a'\nfunction = 'json:loads'", "back has no 'function'"),
        ("[[pubsub]]\npool_size = 1", "pubsub: name"),
        ("[broker]\nport = 'x'", "port is 1 to 65535"),
        ("[broker]\nhost = 'x'", "broker has no 'host'"),
        ("[presence]\nprefix = '#'", "is no topic"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "bridge.toml"
    if "mqtt" not in text and text:
        text += "\n[mqtt]\nbrokers = ['mqtt://x']"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(str(file))
    assert wrong in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_missing() -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load("/no/such/bridge.toml")
