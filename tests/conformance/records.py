"""Records of reality, held against what the local world claims."""

from pathlib import Path

from genesys_certs.conformance.model import claims, difference, read_record

RECORDS = Path(__file__).resolve().parents[2] / "docs" / "conformance"


def disagreements(folder: Path) -> dict[str, str]:
    """Where a record disagrees with a claim, or asks what nothing claims: how, by file and probe."""
    known = claims()
    found = {}
    for path in sorted(folder.glob("*.json")):
        record = read_record(path.read_bytes())
        for name, answer in record.answers.items():
            if name not in known:
                found[f"{path.name}: {name}"] = "no such probe"
            elif words := difference(known[name], answer):
                found[f"{path.name}: {name}"] = words
    return found
