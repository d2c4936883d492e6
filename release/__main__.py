"""``make release``: build from the commit that is checked out, and fill build/release/out."""

import os
import shutil
import subprocess

from release.making import SUMS, make
from release.source import ROOT, committed, refuse_other


def main() -> None:
    """Build anew, whatever was built before. Raises SystemExit where the checkout is not what is to be released."""
    source = committed()
    if tag := os.environ.get("TAG"):  # of the environment: make would expand what stands in one of its own variables
        refuse_other(tag, source, (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    place = ROOT / "build" / "release"
    shutil.rmtree(place, ignore_errors=True)
    subprocess.run(
        [ROOT / "scripts" / "sam.sh", "build", "--build-dir", place / "sam"],
        cwd=ROOT,
        check=True,
        env=os.environ | {"LAYER_ARCHITECTURE": "arm64"},
    )
    made, out = place / "made", place / "out"
    make(place / "sam", made, source)
    if committed() != source:
        raise SystemExit("the checkout changed while the release was made: it may hold what is not in its commit")
    made.rename(out)
    print((out / SUMS).read_text(), end="")
    print(f"{out.relative_to(ROOT)}: release {source.version} of {source.commit}")


if __name__ == "__main__":
    main()
