"""``python -m genesys_certs``: the command where it is not installed."""

from genesys_certs.app import run

if __name__ == "__main__":
    run()
