"""Registry of the architectures: their networks and labels.

An architecture is a package in this folder that declares itself as ``ARCHITECTURE`` without
importing torch, so that the workflow can read it quickly. A new architecture needs such a package,
its settings in the schema, and those in config.yaml.

A network is a subclass of `trussmap.learning.networks.TrainableNetwork`. Its ``parents`` are the
trained networks that it is trained through. An inverse network also has
``propose(targets, parents, draws, temperature, seed, …)``.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Network:
    """Network of an architecture: class, label, and names of its parents.

    ``source`` is its class as ``module:Class`` within the package.
    """

    source: str
    label: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Architecture:
    """Label, colour and networks of an architecture, in the order of training.

    ``forward`` is a class, as ``module:Class``, that makes the forward model from the parents of
    the network ``inverse``. Where it is absent, the network ``forward`` is the forward model.
    """

    label: str
    color: str
    networks: Mapping[str, Network]
    forward: str | None = None


@cache
def architectures() -> dict[str, Architecture]:
    """List all architectures by name.

    >>> {"direct", "paper", "polar"} <= {*architectures()}
    True
    """
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    names = [module.name for module in modules if module.ispkg]
    return {name: import_module(f"{__package__}.{name}").ARCHITECTURE for name in names}


def resolve(architecture: str, source: str) -> type[Any]:
    """Import the class ``module:Class`` from the package of an architecture."""
    module, _, name = source.partition(":")
    return getattr(import_module(f"{__package__}.{architecture}.{module}"), name)


def network_class(architecture: str, network: str) -> type[Any]:
    """Import the class of a network, a `TrainableNetwork`.

    >>> network_class("polar", "forward").__name__
    'PolarForward'
    """
    return resolve(architecture, architectures()[architecture].networks[network].source)
