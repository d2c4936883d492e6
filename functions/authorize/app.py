"""Woken by API Gateway as a Lambda authorizer; the work is ``rotation_watcher.authorize``.

No Powertools here: what it does takes as long to import as all that the decision needs, and a cold start holds up a
data action.
"""

from rotation_watcher import starting  # before all else

# isort: split
from typing import Any

from rotation_watcher import bootstrap_door
from rotation_watcher.authorize import authorize

ports = bootstrap_door.build()  # built while the container starts, once for all its requests
starting.done()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer with an IAM policy, or with ``isAuthorized``, as the event and the stack's parameter ask."""
    return authorize(event, ports)
