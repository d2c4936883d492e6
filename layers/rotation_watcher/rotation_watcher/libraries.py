"""Load the largest libraries in a thread, before what imports them from within (decision 0070).

Python 3.13 keeps the frames of a thread's calls in chunks of 16 KB, and gives a chunk back to the system as soon as the
last call in it returns. A loop at the edge of a chunk gives it back and asks for it again at every turn. Imports within
imports are deep: where an adapter was the first to ask for boto3, a start did so 700 to 3,000 times, as deep as it was
called. A thread begins with no frames, so nothing of this comes near an edge.
"""

from importlib import import_module
from threading import Thread


def _load() -> None:
    for name in ("urllib3", "botocore.session", "boto3", "cryptography.x509"):
        import_module(name)


_thread = Thread(target=_load)
_thread.start()
_thread.join()
