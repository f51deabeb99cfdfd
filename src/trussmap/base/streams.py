"""Random numbers by purpose.

Numbers drawn for one purpose never come back in another.
"""

import hashlib


def stream(seed: int, *purpose: object) -> int:
    """Return the seed of one ``purpose`` in a study of ``seed``.

    The purpose is given by words and numbers; the seed returned is an integer below 2⁶². The
    designs of the data set are drawn by ``seed`` itself
    (`trussmap.lattice.descriptor.sample_designs`); all other random numbers take a seed from here.

    >>> stream(2022, "proposals", 0) == stream(2022, "proposals", 1)
    False
    """
    text = "/".join(map(str, (int(seed), *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 2
