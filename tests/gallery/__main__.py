"""Generate docs/alerts.md and its pictures anew: ``.venv/bin/python -m tests.gallery``.

Pictures of examples that are gone are removed.
"""

from tests.gallery.page import DOCS, PICTURES, files

if __name__ == "__main__":
    generated = files()
    (DOCS / PICTURES).mkdir(parents=True, exist_ok=True)
    for path in (DOCS / PICTURES).glob("*.svg"):
        if path.relative_to(DOCS).as_posix() not in generated:
            path.unlink()
    for name, text in generated.items():
        (DOCS / name).write_text(text, encoding="utf-8")
