"""``python -m local demo | serve | check | plan | pins-to-cloudfront | pins-to-file``."""

import sys
from importlib import import_module

COMMANDS = {
    "demo": ("local.demo", "watch whole rotations, judged by real TLS handshakes"),
    "serve": ("local.cli_serve", "a simulated Genesys Cloud and an embedded AWS on this machine"),
    "check": ("local.cli_check", "what a Genesys Cloud organisation presents, and whether it is to be trusted"),
    "plan": ("local.cli_plan", "what the watcher would change at its targets"),
    "pins-to-cloudfront": ("local.cli_cloudfront", "bring a CloudFront key value store to a bundle's pins"),
    "pins-to-file": ("local.cli_pins", "a bundle's pins in the form that HAProxy or Envoy reads"),
}


def main() -> int:
    """Run the command; each one's own ``--help`` says more."""
    name, *rest = sys.argv[1:] or ["--help"]
    if name not in COMMANDS:
        known = "\n".join(f"  {command:<18} {words}" for command, (_, words) in COMMANDS.items())
        print(f"usage: python -m local COMMAND [--help]\n\n{known}", file=sys.stderr)
        return 0 if name in {"-h", "--help"} else 3
    return int(import_module(COMMANDS[name][0]).main(rest))


if __name__ == "__main__":
    sys.exit(main())
