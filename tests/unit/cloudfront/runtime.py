"""Run the connection function in a JavaScript engine, between a connection and a key value store as CloudFront's.

The stubs hold to what AWS documents (docs/decisions/0034): ``get`` fails for a key that does not exist, ``exists``
tells, both are asynchronous; a connection for which neither ``allow`` nor ``deny`` was called is denied; what is logged
ends at 800 bytes; the clock stands still during one run.
"""

import json
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import quickjs

SOURCE = Path(__file__).resolve().parents[3] / "doors" / "cloudfront" / "pin_check.js"
IMPORT = "import cf from 'cloudfront';\n"

_CLOUDFRONT = """
const given = JSON.parse(GIVEN);
const cf = {
    kvs: function () {
        if (given.broken === 'kvs') { throw new Error('no key value store is associated'); }
        const fail = function (method) {
            if (given.broken === method) { throw new Error('the store failed'); }
        };
        return {
            exists: async function (key) { fail('exists'); return Object.hasOwn(given.store, key); },
            get: async function (key) {
                fail('get');
                if (!Object.hasOwn(given.store, key)) { throw new Error('KeyNotFound'); }
                return given.store[key];
            },
        };
    },
};
"""
_RUN = """
const heard = { decision: 'deny', calls: 0, log: '', error: '' };
const connection = given.connection;
connection.allow = function () { heard.decision = 'allow'; heard.calls += 1; };
connection.deny = function () { heard.decision = 'deny'; heard.calls += 1; };
connection.logCustomData = function (text) {
    if (given.broken === 'log') { throw new Error('no log'); }
    heard.log = text.slice(0, 800);
};
Date.now = function () { return given.now; };
async function run() {
    try { await connectionHandler(connection); } catch (error) { heard.error = String(error); }
    finished(JSON.stringify(heard));
}
run();
"""


class Heard(NamedTuple):
    """What the function did: the decision, how often it decided, what it logged, and what it threw."""

    decision: str
    calls: int
    log: str
    error: str


class Given(NamedTuple):
    """One connection: the event, the store behind it (key to value), the time, and what of the service is broken."""

    connection: Mapping[str, Any]
    store: Mapping[str, str]
    now: datetime
    broken: str = ""

    def as_json(self) -> str:
        """For the engine, as a JavaScript string literal would hold it."""
        now = int(self.now.timestamp() * 1000)
        return json.dumps(
            {"connection": self.connection, "store": self.store, "now": now, "broken": self.broken}, ensure_ascii=True
        )


def in_quickjs(source: str, given: Given) -> Heard:
    """Run it in QuickJS, with the import replaced by the stub."""
    context = quickjs.Context()
    answers: list[str] = []
    context.add_callable("finished", answers.append)
    context.eval("const console = { log: function () {} };")
    context.eval(f"const GIVEN = {json.dumps(given.as_json())};{_CLOUDFRONT}{source.replace(IMPORT, '')}{_RUN}")
    while context.execute_pending_job():
        pass
    return Heard(**json.loads(answers[0]))


def in_node(source: str, given: Given, node: str, folder: Path) -> Heard:
    """Run it in Node, as a module that imports the stub by its name."""
    package = folder / "node_modules" / "cloudfront"
    package.mkdir(parents=True, exist_ok=True)
    (package / "package.json").write_text('{"type": "module", "exports": "./index.js"}')
    text = f"const GIVEN = {json.dumps(given.as_json())};"
    (package / "index.js").write_text(f"{text}{_CLOUDFRONT}export default cf;")
    finish = "const finished = function (text) { process.stdout.write(text); };console.log = function () {};"
    main = folder / "main.mjs"
    main.write_text(f"{source}{text}const given = JSON.parse(GIVEN);{finish}{_RUN}")
    done = subprocess.run([node, str(main)], capture_output=True, text=True, check=True, timeout=60)
    return Heard(**json.loads(done.stdout))
