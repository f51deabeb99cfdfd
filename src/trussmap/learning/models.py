"""Networks on disk: training, saving, loading.

A network is ``<name>.safetensors`` (weights) and ``<name>.json``:

===================  ===========================================================================
``model``            e.g. ``polar/forward``
``architecture``     arguments of its constructor, with the scaling of inputs and outputs
``settings``         epochs, batch, learning rate, …
``history``          one entry per epoch: ``epoch, loss, validation_loss, learning_rate`` and
                     terms of the loss
``dataset_digest``   of the data set it was trained on; ``designs`` is their number
``depends_on``       SHA-256 of the weights of the networks it was trained through
``weights_digest``   SHA-256 of the file of its weights
``trained_digest``   SHA-256 of the file that the training wrote, which is another one where the
                     weights were stored in half precision since
``digest``           SHA-256 of this record, without the digest itself
``source_digest``    of the library's source that trained it (`trussmap.base.provenance`)
``seed``, ``code_version``, ``device``, ``precision``
===================  ===========================================================================
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.overrides import TorchFunctionMode

from trussmap import __version__
from trussmap.base.errors import InputError
from trussmap.base.io import atomic_path, file_digest, write_json
from trussmap.base.streams import stream
from trussmap.data.dataset import open_dataset
from trussmap.learning import training
from trussmap.learning.features import read_features
from trussmap.learning.interfaces import ForwardModel, Networks
from trussmap.learning.networks import (
    Parents,
    Settings,
    Tensors,
    TrainableNetwork,
    single_threads,
)
from trussmap.learning.registry import architectures, network_class, resolve

# Validation designs on which the loss is followed during training.
_FOLLOWED = 10_000


# ---------------------------------------------------------------------------------------- training
def train_network(
    architecture: str,
    name: str,
    dataset: str | Path,
    settings: Settings,
    seed: int,
    out: str | Path,
    source_digest: str | None = None,
) -> None:
    """Train a network on a data set and write it to ``out``.

    ``out`` is the path of its weights, ``….safetensors``. The networks that it is trained through
    are expected beside ``out``. A run that was killed resumes from the checkpoint beside ``out``.
    ``settings`` are the network's, with ``precision`` and ``checkpoint_seconds``; with ``designs``
    among them it sees only the first so many designs of the training split.
    """
    out = Path(out)
    title = f"{architecture}/{name}"
    kind: type[TrainableNetwork] = network_class(architecture, name)
    parents = load_parents(out.parent, architecture, name)
    depends_on = {parent: file_digest(out.with_name(f"{parent}.safetensors")) for parent in parents}

    with open_dataset(dataset) as data:
        print(f"{title}: reading {dataset}", flush=True)
        train_split = data.train.head(settings.get("designs"))
        train = read_features(kind, train_split, parents, out.parent)
        followed = data.validation.head(_FOLLOWED)
        validation = read_features(kind, followed, parents, out.parent)
        dataset_digest = data.digest

    network_seed = stream(seed, "training", architecture, name)
    torch.manual_seed(network_seed)
    with single_threads():  # sums over the rows must not depend on the cores
        network = kind.from_data(settings, train)

    checkpoint = out.with_suffix(".checkpoint.safetensors")
    provenance = {"dataset": dataset_digest, "depends_on": depends_on, "source": source_digest}
    history = training.train(
        title, network, parents, train, validation, settings, network_seed, provenance, checkpoint
    )
    record = {
        "model": title,
        "architecture": network.config,
        "settings": settings,
        "history": history,
        "dataset_digest": dataset_digest,
        "designs": len(next(iter(train.values()))),
        "depends_on": depends_on,
        "source_digest": source_digest,
        "seed": seed,
        "code_version": __version__,
        "device": training.device().type,
        "precision": str(training.precision(settings["precision"])).removeprefix("torch."),
    }
    save_network(network, record, out)
    checkpoint.unlink(missing_ok=True)


def save_network(network: TrainableNetwork, record: dict[str, Any], out: str | Path) -> None:
    """Write weights and record, with the digests of both.

    The record comes last, so that a pair of files is always complete.
    """
    state = network.state_dict()
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    _save(weights, record, Path(out))


def _save(weights: Tensors, record: dict[str, Any], out: Path) -> None:
    """Write weights, then their record."""
    with atomic_path(out) as temporary:
        save_file(weights, temporary)
    digest = file_digest(out)
    record = {"trained_digest": digest} | record | {"weights_digest": digest}
    write_record(record, out.with_suffix(".json"))


def write_record(record: dict[str, Any], path: str | Path) -> None:
    """Write the JSON record of a network with a digest of it."""
    write_json(record | {"digest": training.json_digest(record)}, path)


# ----------------------------------------------------------------------------------------- loading
class InverseNetwork(Protocol):
    """Network that proposes designs, given its parents."""

    config: dict[str, Any]
    propose: Callable[..., np.ndarray]


class Inverse:
    """Inverse network together with the networks that it was trained through."""

    def __init__(self, network: InverseNetwork, parents: Parents) -> None:
        self._network = network
        self._parents = parents
        #: Topologies that are tried for one proposal.
        self.candidates: int = network.config.get("candidates", 1)

    def propose(
        self,
        targets: np.ndarray,
        draws: int = 1,
        temperature: float = 1.0,
        seed: int = 0,
        **options: Any,
    ) -> np.ndarray:
        """Propose designs (n, draws, 19) for targets (n, 21), base modulus 1.

        They have the published columns and ranges. ``options`` are those of the architecture's
        network.
        """
        return self._network.propose(targets, self._parents, draws, temperature, seed, **options)


def load_forward(folder: str | Path) -> ForwardModel:
    """Load the forward model from a folder of networks, of any architecture.

    Raises InputError where a file is missing, damaged or of another kind.
    """
    name = architecture_of(folder)
    declared = architectures()[name]
    if declared.forward is None:
        return cast(ForwardModel, load_network(folder, name, "forward"))
    return resolve(name, declared.forward)(**load_parents(folder, name, "inverse"))


def load_inverse(folder: str | Path) -> Inverse:
    """Load the inverse model from a folder of networks, of any architecture.

    Raises InputError where a file is missing, damaged or of another kind.
    """
    name = architecture_of(folder)
    network = cast(InverseNetwork, load_network(folder, name, "inverse"))
    return Inverse(network, load_parents(folder, name, "inverse"))


def load_networks(folder: str | Path) -> Networks:
    """Load forward and inverse model from a folder of networks, of any architecture.

    Raises InputError as `load_inverse`.
    """
    return Networks(load_forward(folder), load_inverse(folder))


def load_parents(folder: str | Path, architecture: str, network: str) -> Parents:
    """Load the trained networks that a network is trained through, by name."""
    names = architectures()[architecture].networks[network].parents
    return {name: load_network(folder, architecture, name) for name in names}


def load_network(folder: str | Path, architecture: str, network: str) -> TrainableNetwork:
    """Load a trained network, frozen, on the device of the trainings.

    It proposes in the precision that it was trained in. Raises InputError where a file is missing,
    damaged or of another kind.
    """
    weights = Path(folder) / f"{network}.safetensors"
    record = read_record(weights.with_suffix(".json"))
    try:
        model = _network_of(record, weights, network_class(architecture, network))
    except Exception as error:  # a constructor may raise anything for wrong arguments
        words = " ".join(str(error).split())[:200]
        raise InputError(
            f"{weights}: cannot be used as the network that {network}.json describes ({words}); "
            "train it again."
        ) from error
    return model.to(training.device()).eval().requires_grad_(False)


def _network_of(
    record: dict[str, Any], weights: Path, kind: type[TrainableNetwork]
) -> TrainableNetwork:
    """Make the network of a record and of the file of its weights."""
    for parent, digest in record["depends_on"].items():
        if digest != read_record(weights.with_name(f"{parent}.json"))["trained_digest"]:
            raise ValueError(
                f"it was trained through another network than {parent}.safetensors beside it"
            )
    if file_digest(weights) != record["weights_digest"]:
        raise ValueError("its bytes do not have the digest that stands there")

    # A record may ask for any size. The shapes are compared before any memory is allocated.
    with torch.device("meta"), _Undrawn():
        empty = kind(**record["architecture"])
    shapes = {name: list(tensor.shape) for name, tensor in empty.state_dict().items()}
    with safe_open(weights, "pt") as file:
        stored = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    if shapes != stored:
        raise ValueError("the weights have other shapes")

    with _Undrawn():
        model = kind(**record["architecture"])
    model.load_state_dict(load_file(weights))
    model.precision = getattr(torch, record["precision"])
    return model


class _Undrawn(TorchFunctionMode):
    """Context in which no weights are drawn.

    Those of a file replace them. On meta, drawing them would make torch load its compiler.
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(function, "__module__", "") == "torch.nn.init":
            return kwargs["tensor"]
        return function(*args, **kwargs)


def pretrained() -> Path:
    """Folder of the bundled polar networks, to load models from."""
    return Path(__file__).parents[1] / "pretrained" / "polar"


def export_pretrained(folder: str | Path, out: str | Path) -> None:
    """Copy the trained networks of a folder, with weights in half precision.

    Their records keep all provenance.
    """
    for name in architectures()[architecture_of(folder)].networks:
        source = Path(folder) / f"{name}.safetensors"
        record = read_record(source.with_suffix(".json")) | {"stored_as": "float16"}
        weights = {key: tensor.half() for key, tensor in load_file(source).items()}
        _save(weights, record, Path(out) / source.name)


def architecture_of(folder: str | Path) -> str:
    """Name of the architecture whose networks a folder holds.

    Raises InputError where there are none.
    """
    for name in sorted({next(iter(a.networks)) for a in architectures().values()}):
        path = Path(folder) / f"{name}.json"
        if path.is_file():
            architecture = str(read_record(path).get("model", "")).split("/")[0]
            if architecture in architectures():
                return architecture
            raise InputError(
                f"{path}: not a record of a trussmap network; expected one that `model` names."
            )
    raise InputError(
        f"{folder}: no trained networks in it; expected forward.json (or forward_1.json of the "
        "paper's)."
    )


def read_record(path: str | Path) -> dict[str, Any]:
    """Read the JSON record of a network, e.g. ``models/polar/forward.json``.

    Raises InputError where it is missing or altered.
    """
    again = "expected the JSON that a training wrote beside its weights, train it again"
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        stated = record.pop("digest")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: no readable model record; {again}.") from error
    if stated != training.json_digest(record):
        raise InputError(
            f"{path}: damaged or altered: the record does not have the digest that it states; "
            f"{again}."
        )
    return record
