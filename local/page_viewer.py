"""Looks at pages in a browser, and says what there is to see. Runs in ``.venv-page`` alone; ``looking`` starts it.

Reads one JSON list of looks from standard input, and writes one of findings to standard output, in the same order.
"""

import json
import sys
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Browser, Page, sync_playwright

AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
_RULES = "{runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}"
_SHORT = "r => r.violations.map(v => v.id + ': ' + v.nodes.length + ' x ' + v.nodes[0].html.slice(0, 160))"
_OPEN = """() => {
    globalThis.folded = [...document.querySelectorAll('details:not([open])')];
    folded.forEach(one => { one.open = true });
}"""
_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def look(browser: Browser, wanted: dict[str, Any]) -> dict[str, Any]:
    """One look: what was asked for outside, what the console said, what axe finds, how far it is too wide, the text."""
    context = browser.new_context(
        viewport={"width": wanted["width"], "height": wanted["height"]},
        color_scheme=wanted["scheme"],
        java_script_enabled=wanted["script"],
        bypass_csp=wanted["axe"],  # axe is a script of ours; the page's own is let in by its digest
    )
    asked: list[str] = []
    said: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("dialog", lambda dialog: _dismiss(dialog, said))
    if wanted["at"]:
        page.clock.set_fixed_time(wanted["at"])
    page.goto(Path(wanted["file"]).resolve().as_uri())
    found: dict[str, Any] = {"asked": [url for url in asked if not url.startswith(("file:", "data:"))], "said": said}
    found["wide"] = page.evaluate(_WIDE) if wanted["script"] else 0
    found["did"] = _steps(page, wanted["steps"])
    if wanted["print"]:
        page.emulate_media(media="print")
    found["text"] = page.inner_text("body")
    found["axe"] = _axe(page) if wanted["axe"] else []
    if wanted["png"]:
        page.screenshot(path=wanted["png"], full_page=wanted["whole"])
    if wanted["pdf"]:
        page.pdf(path=wanted["pdf"], format="A4", print_background=False)
    context.close()
    return found


def _dismiss(dialog: Any, said: list[str]) -> None:
    said.append(f"dialog: {dialog.message}")
    dialog.dismiss()


def _steps(page: Page, steps: list[list[str]]) -> list[Any]:
    """What a person does: ``fill`` a field, ``press`` a key, ``evaluate`` an expression."""
    results: list[Any] = []
    for verb, *rest in steps:
        match verb:
            case "fill":
                page.fill(*rest)
            case "press":
                page.keyboard.press(*rest)
            case _:
                results.append(page.evaluate(*rest))
    return results


def _axe(page: Page) -> list[str]:
    page.evaluate(_OPEN)  # what is folded is judged too
    page.evaluate(AXE.read_text())
    found = list(page.evaluate(f"async () => (({_SHORT})(await axe.run(document, {_RULES})))"))
    page.evaluate("() => folded.forEach(one => { one.open = false })")
    return found


def main() -> None:
    """Do what standard input asks for."""
    executable, looks = json.load(sys.stdin)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        json.dump([look(browser, one) for one in looks], sys.stdout)
        browser.close()


if __name__ == "__main__":
    main()
