"""``python -m local demo | serve``: the watcher's world on this machine. The tool itself is ``genesys-certs``."""

import gc
import signal
import sys
from importlib import import_module

from local.aws import shared_models

COMMANDS = {
    "demo": ("local.demo", "watch whole rotations, judged by real TLS handshakes"),
    "serve": ("local.cli_serve", "a simulated Genesys Cloud and an embedded AWS on this machine"),
}


def main() -> int:
    """Run the command; each one's own ``--help`` says more."""
    name, *rest = sys.argv[1:] or ["--help"]
    if name not in COMMANDS:
        known = "\n".join(f"  {command:<18} {words}" for command, (_, words) in COMMANDS.items())
        more = "check, plan and the like: genesys-certs --help"
        print(f"usage: python -m local COMMAND [--help]\n\n{known}\n\n{more}", file=sys.stderr)
        return 0 if name in {"-h", "--help"} else 64
    shared_models.share()
    gc.disable()  # until all is imported: what stays to the end need not be looked through then, nor later
    try:
        command = import_module(COMMANDS[name][0])
        gc.freeze()
        gc.enable()
        return int(command.main(rest))
    except KeyboardInterrupt:
        print(f"python -m local {name}: stopped by Ctrl-C.", file=sys.stderr)
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
