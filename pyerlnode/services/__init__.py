"""What other nodes expect to find on any node.

`Node(...)` of this package starts DEFAULT_SERVICES; `services=` names others.  `user` comes
first: what is started after it has it for a group leader.
"""

from pyerlnode.services import (
    application,
    evaluator,
    global_,
    logger,
    modules,
    net_adm,
    net_kernel,
    rpc,
    user,
)

__all__ = [
    "DEFAULT_SERVICES",
    "application",
    "evaluator",
    "global_",
    "logger",
    "modules",
    "net_adm",
    "net_kernel",
    "rpc",
    "user",
]

DEFAULT_SERVICES = (
    user.service,
    modules.service,
    evaluator.service,
    application.service,
    net_kernel.service,
    rpc.service,
    logger.service,
    global_.service,
)
"""Started when the node has its name, in this order."""
