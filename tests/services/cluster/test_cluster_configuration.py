"""The table `[cluster]` of a configuration file."""

from __future__ import annotations

import pytest

from pyerlnode.errors import ConfigError
from pyerlnode.services.cluster import Gossip, KubernetesDNS, Static, topologies


def test_each_table_is_a_strategy() -> None:
    static, gossip, pods = topologies(
        {
            "fixed": {"strategy": "static", "nodes": ["a@localhost"]},
            "lan": {"strategy": "gossip", "secret": "s"},
            "pods": {"strategy": "kubernetes_dns", "service": "web", "application_name": "web"},
        }
    )
    assert isinstance(static, Static) and static.nodes == ["a@localhost"]
    assert isinstance(gossip, Gossip)
    assert isinstance(pods, KubernetesDNS)


def test_a_broker_is_one_of_the_strategies() -> None:
    [found] = topologies({"broker": {"strategy": "mqtt", "brokers": "mqtt://127.0.0.1:1883"}})
    assert type(found).__name__ == "MqttPresence"


def test_a_program_has_strategies_of_its_own() -> None:
    table = {"own": {"strategy": "pyerlnode.services.cluster.static:Static", "nodes": []}}
    assert isinstance(topologies(table)[0], Static)


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        (7, "cluster.web: a table with a strategy is wanted"),
        ({}, "cluster.web: a table with a strategy is wanted"),
        ({"strategy": "gosip"}, "cluster.web: there is no strategy 'gosip'; known: static"),
        ({"strategy": "no.such:Thing"}, "cluster.web: the strategy no.such:Thing cannot be imported"),
        ({"strategy": "static"}, "cluster.web: missing a required argument: 'nodes'; Static takes nodes"),
        ({"strategy": "gossip", "prt": 1}, "cluster.web: got an unexpected keyword argument 'prt'"),
        ({"strategy": "gossip", "port": -1}, "cluster.web: gossip: port is -1"),
        ({"strategy": "static", "nodes": ["kate"]}, "cluster.web: bad node name 'kate'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(options: object, wrong: str) -> None:
    with pytest.raises(ConfigError) as caught:
        topologies({"web": options})
    assert wrong in str(caught.value)
