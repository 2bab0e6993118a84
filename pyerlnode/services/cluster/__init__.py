"""Finding the other nodes, and staying connected with them, in the shape of Elixir's libcluster.

    await Supervisor.start_link([(Cluster, [Gossip(secret="s3cret")]), Chat], strategy="one_for_one")

    [cluster.web]                            # or in the file of `pyerlnode run --config`
    strategy = "kubernetes_dns"
    service = "web-headless"
    application_name = "web"

A strategy says which nodes there are; `Cluster` connects to all of them, and again to one that
is lost.  One file per strategy:

| Strategy | In a file | libcluster's |
| --- | --- | --- |
| `Static(nodes)` | `static` | Epmd |
| `ErlangHosts(file)`, `ErlangHosts(hosts=[...])` | `erlang_hosts` | ErlangHosts |
| `LocalEpmd()` | `local_epmd` | LocalEpmd |
| `DNSPoll(query, node_basename)` | `dns_poll` | DNSPoll |
| `KubernetesDNS(service, application_name)` | `kubernetes_dns` | Kubernetes.DNS |
| `KubernetesDNSSRV(service, namespace, application_name)` | `kubernetes_dns_srv` | Kubernetes.DNSSRV |
| `Gossip()` | `gossip` | Gossip |

Any object with the method of `Strategy` is one, too; in a file it is named `package.module:Class`.

Source: libcluster 3.5 (what each strategy asks for and how it names the nodes).
Proof: tests/services/cluster/, interop/test_cluster.py.
"""

from pyerlnode.services.cluster.cluster import Cluster
from pyerlnode.services.cluster.configuration import topologies
from pyerlnode.services.cluster.dns import DNSPoll, KubernetesDNS, KubernetesDNSSRV
from pyerlnode.services.cluster.gossip import Gossip
from pyerlnode.services.cluster.hosts import ErlangHosts, LocalEpmd
from pyerlnode.services.cluster.static import Static
from pyerlnode.services.cluster.strategy import Polling, Strategy

__all__ = [
    "Cluster",
    "DNSPoll",
    "ErlangHosts",
    "Gossip",
    "KubernetesDNS",
    "KubernetesDNSSRV",
    "LocalEpmd",
    "Polling",
    "Static",
    "Strategy",
    "topologies",
]
