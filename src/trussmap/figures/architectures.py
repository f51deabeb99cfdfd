"""What the architectures of networks are called and how they are coloured, in figures and report."""

from typing import NamedTuple


class Look(NamedTuple):
    name: str
    color: str


ARCHITECTURES = {
    "polar": Look("polar networks", "#2a8c82"),
    "paper": Look("paper’s networks, retrained", "#a8731f"),
    "direct": Look("direct networks", "#8a4f9e"),
}


def name_of(architecture):
    """What an architecture is called; one that is not known keeps its key."""
    return ARCHITECTURES[architecture].name if architecture in ARCHITECTURES else architecture
