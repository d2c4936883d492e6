"""Write docs/watch-file.schema.json from the model, or with --check fail if it is stale."""

import json
import sys
from pathlib import Path

from made import settle

from rotation_watcher.config import json_schema

PATH = Path(__file__).resolve().parents[1] / "docs" / "watch-file.schema.json"


def main() -> int:
    """Exit code: 0 written or fresh, 1 stale."""
    return settle({PATH: json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"})


if __name__ == "__main__":
    sys.exit(main())
