"""The architectures: which networks each one has, through which others they are trained, and what they are called.

An architecture is a package in this folder that declares itself as ``ARCHITECTURE``, without importing torch, so that
the workflow can ask. Adding one takes such a package, its settings in the schema and those in config.yaml.

A **network** is a torch module with

==============================================  =======================================================================
``columns``                                     arrays of the data set that it is trained on
``features(block, parents)``                    static: training tensors of a block of designs, rows first
``from_data(settings, data)``                   class method: an untrained network with the scaling of its data
``loss(batch, generator, parents, settings)``   scalar, or a dictionary of scalars whose ``loss`` is minimised
``config``                                      what its constructor takes
==============================================  =======================================================================

``parents`` are the trained networks that it is trained through, by name. An inverse network also has
``propose(targets, parents, draws, temperature, seed, …)``.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path


@dataclass(frozen=True)
class Network:
    """A network of an architecture: ``source`` is its class as ``module:Class`` within the package."""

    source: str
    label: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Architecture:
    """What an architecture is called and drawn in, and its networks in the order of their training.

    ``forward`` is a class, as ``module:Class``, that makes the forward model of the networks that the one called
    ``inverse`` is trained through; where it is absent, the network ``forward`` is the forward model.
    """

    label: str
    color: str
    networks: Mapping[str, Network]
    forward: str | None = None


@cache
def architectures() -> dict[str, Architecture]:
    """All architectures by name.

    >>> sorted(architectures())
    ['direct', 'paper', 'polar']
    """
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]) if module.ispkg]
    return {name: import_module(f"{__package__}.{name}").ARCHITECTURE for name in names}


def resolve(architecture: str, source: str) -> type:
    """The class ``module:Class`` in the package of an architecture."""
    module, _, name = source.partition(":")
    return getattr(import_module(f"{__package__}.{architecture}.{module}"), name)


def network_class(architecture: str, network: str) -> type:
    """The class of a network, such as ``network_class("polar", "forward")``.

    >>> network_class("polar", "forward").__name__
    'PolarForward'
    """
    return resolve(architecture, architectures()[architecture].networks[network].source)
