"""Random numbers by purpose: what is drawn for one never comes back in another."""

import hashlib


def stream(seed: int, *purpose: object) -> int:
    """The seed, an integer below 2⁶², of what is drawn for a ``purpose``, words and numbers, in a study of ``seed``.

    The designs of the data set are the stream ``seed`` itself (`trussmap.lattice.descriptor.sample_designs`); whatever
    else is drawn at random takes a stream of its own from here.

    >>> stream(2022, "proposals", 0) == stream(2022, "proposals", 1)
    False
    """
    text = "/".join(map(str, (int(seed), *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 2
