"""Write docs/watch-file.schema.json from the model, or with --check fail if it is stale."""

import json
import sys
from pathlib import Path

from rotation_watcher.config import json_schema

PATH = Path(__file__).resolve().parents[1] / "docs" / "watch-file.schema.json"


def main() -> int:
    """Exit code: 0 written or fresh, 1 stale."""
    fresh = json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"
    if "--check" in sys.argv[1:]:
        if PATH.is_file() and PATH.read_text() == fresh:
            return 0
        print(f"{PATH.name} is stale: run .venv/bin/python scripts/schema.py and commit it", file=sys.stderr)
        return 1
    PATH.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main())
