"""The functions of ``functions/``, loaded as Lambda loads them into a new container."""

import importlib.util
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parents[2] / "functions"
LOGICAL_NAMES = {
    "collect": "Collect",
    "publish": "Publish",
    "refresh_crls": "RefreshCrls",
    "report": "Report",
    "slack": "Slack",
    "authorize": "Authorize",
}
"""Each folder of it, with what the names of the function's resources in the template begin with."""
CHATS = ("Slack", "Teams", "AmazonQ")
"""What the names of the functions begin with that share the code of ``slack``, one for each chat."""


def woken_by(event: str) -> str:
    """The function that a file of ``events/`` is for. Raises StopIteration if there is none."""
    return next(name for name in LOGICAL_NAMES if event.startswith(f"{name.replace('_', '-')}-"))


@dataclass
class Context:
    """What the functions read of Lambda's context."""

    function_name: str = "function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:function"
    aws_request_id: str = "7f3c"

    def get_remaining_time_in_millis(self) -> int:
        """As at the start of a run that may take five minutes."""
        return 300_000


def load(function: str) -> ModuleType:
    """The function's module, executed anew. Raises FileNotFoundError if there is none."""
    # Powertools has one logger a service and process, which keeps writing to the stdout of the test that made it.
    logging.Logger.manager.loggerDict.pop(os.environ.get("POWERTOOLS_SERVICE_NAME", "service_undefined"), None)
    spec = importlib.util.spec_from_file_location(f"app_{function}", FOLDER / function / "app.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(function)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
