"""Networks on disk: training, saving, loading. A network is ``<name>.safetensors`` (weights) and ``<name>.json``:

===================  =================================================================================
``model``            e.g. ``polar/forward``
``architecture``     what its constructor takes, with the scaling of inputs and outputs
``settings``         epochs, batch, learning rate, …
``history``          one entry per epoch: ``epoch, loss, validation_loss, learning_rate`` and parts of the loss
``dataset_digest``   of the data set it was trained on; ``designs`` says how many
``depends_on``       SHA-256 of the weights of the networks it was trained through
``weights_digest``   SHA-256 of its own weights' file, and ``trained_digest`` that of the file that the training wrote,
                     which is another where the weights were stored in half precision since
``digest``           SHA-256 of this record, without the digest itself
``source_digest``    of the library's source that made it (`trussmap.provenance`)
``seed``, ``code_version``, ``device``, ``precision``
===================  =================================================================================
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.overrides import TorchFunctionMode

from trussmap import __version__
from trussmap.dataset import open_dataset
from trussmap.errors import InputError
from trussmap.io import atomic_path, file_digest, write_json
from trussmap.learning import training
from trussmap.learning.features import read_features
from trussmap.learning.networks import Parents, single_threads
from trussmap.learning.registry import architectures, network_class, resolve
from trussmap.streams import stream

#: Test designs on which the loss is followed during training.
_FOLLOWED = 10_000


# ----------------------------------------------------------------------------------------------------------- training
def train_network(
    architecture: str,
    name: str,
    dataset: str | Path,
    settings: dict,
    seed: int,
    out: str | Path,
    source_digest: str | None = None,
) -> None:
    """Train a network of an architecture on a data set and write it to ``out`` (``….safetensors``).

    The networks that it is trained through are expected beside ``out``. A run that was killed resumes from the
    checkpoint beside ``out``. ``settings`` are the network's, with ``precision`` and ``checkpoint_seconds``; with
    ``designs`` among them it sees only the first so many designs of the training split.
    """
    out, title = Path(out), f"{architecture}/{name}"
    cls = network_class(architecture, name)
    parents = load_parents(out.parent, architecture, name)
    with open_dataset(dataset) as data:
        print(f"{title}: reading {dataset}", flush=True)
        train = read_features(cls, data.train.head(settings.get("designs")), parents, out.parent)
        validation = read_features(cls, data.validation.head(_FOLLOWED), parents, out.parent)
        digest = data.digest
    own = stream(seed, "training", architecture, name)
    torch.manual_seed(own)
    with single_threads():  # sums over the rows must not depend on the cores
        network = cls.from_data(settings, train)
    depends_on = {parent: file_digest(out.with_name(f"{parent}.safetensors")) for parent in parents}
    checkpoint = out.with_suffix(".checkpoint.safetensors")
    provenance = {"dataset": digest, "depends_on": depends_on, "source": source_digest}
    history = training.train(title, network, parents, train, validation, settings, own, provenance, checkpoint)
    record = {
        "model": title,
        "architecture": network.config,
        "settings": settings,
        "history": history,
        "dataset_digest": digest,
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


def save_network(network: nn.Module, record: dict, out: str | Path) -> None:
    """Write weights and record, with the digests of both; the JSON last, so that a complete pair has both."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
    _save(weights, record, Path(out))


def _save(weights, record, out):
    with atomic_path(out) as temporary:
        save_file(weights, temporary)
    own = file_digest(out)
    write_record({"trained_digest": own} | record | {"weights_digest": own}, out.with_suffix(".json"))


def write_record(record: dict, path: str | Path) -> None:
    """Write the JSON record of a network with a digest of it."""
    write_json(record | {"digest": _digest(record)}, path)


def _digest(record):
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


# ------------------------------------------------------------------------------------------------------------ loading
class Inverse:
    """An inverse network together with the networks that it was trained through."""

    def __init__(self, network, parents):
        self._network, self._parents = network, parents
        #: Topologies that are tried for one proposal.
        self.candidates = network.config.get("candidates", 1)

    def propose(
        self, targets: np.ndarray, draws: int = 1, temperature: float = 1.0, seed: int = 0, **options
    ) -> np.ndarray:
        """Designs (n, draws, 19) for targets (n, 21), base modulus 1, in the published columns and ranges."""
        return self._network.propose(targets, self._parents, draws, temperature, seed, **options)


def load_forward(folder: str | Path) -> nn.Module:
    """The forward model in a folder of networks, of any architecture: ``.predict(designs (n, 19)) -> (n, 21)``.

    Raises InputError where a file is missing, damaged or of another kind.
    """
    name = architecture_of(folder)
    declared = architectures()[name]
    if declared.forward is None:
        return load_network(folder, name, "forward")
    return resolve(name, declared.forward)(**load_parents(folder, name, "inverse"))


def load_inverse(folder: str | Path) -> "Inverse":
    """The inverse model in a folder of networks, of any architecture: an `Inverse`.

    Raises InputError where a file is missing, damaged or of another kind.
    """
    name = architecture_of(folder)
    return Inverse(load_network(folder, name, "inverse"), load_parents(folder, name, "inverse"))


def load_parents(folder: str | Path, architecture: str, network: str) -> Parents:
    """The trained networks that a network is trained through, by name."""
    names = architectures()[architecture].networks[network].parents
    return {name: load_network(folder, architecture, name) for name in names}


def load_network(folder: str | Path, architecture: str, network: str) -> nn.Module:
    """A trained network, frozen, on the device of the trainings; it proposes in the precision that it was trained in.

    Raises InputError where a file is missing, damaged or of another kind.
    """
    weights = Path(folder) / f"{network}.safetensors"
    record = read_record(weights.with_suffix(".json"))
    try:
        for parent, digest in record["depends_on"].items():
            if digest != read_record(weights.with_name(f"{parent}.json"))["trained_digest"]:
                raise ValueError(f"it was trained through another network than {parent}.safetensors beside it")
        if file_digest(weights) != record["weights_digest"]:
            raise ValueError("its bytes do not have the digest that stands there")
        kind = network_class(architecture, network)
        # A record may ask for any size, and what takes memory has to be in the weights.
        with torch.device("meta"), _Undrawn():
            shapes = {name: list(tensor.shape) for name, tensor in kind(**record["architecture"]).state_dict().items()}
        with safe_open(weights, "pt") as file:
            if shapes != {name: file.get_slice(name).get_shape() for name in file.keys()}:  # noqa: SIM118
                raise ValueError("the weights have other shapes")
        with _Undrawn():
            model = kind(**record["architecture"])
        model.load_state_dict(load_file(weights))
        model.precision = getattr(torch, record["precision"])
    except Exception as error:  # whatever a constructor says of what it is given
        raise InputError(
            f"{weights}: cannot be used as the network that {network}.json describes "
            f"({' '.join(str(error).split())[:200]}); train it again."
        ) from error
    return model.to(training.device()).eval().requires_grad_(False)


class _Undrawn(TorchFunctionMode):
    """Within it no weights are drawn, for those of a file replace them; on meta, torch would load its compiler."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        return kwargs["tensor"] if getattr(function, "__module__", "") == "torch.nn.init" else function(*args, **kwargs)


def pretrained() -> Path:
    """Folder of the polar networks that come with the package, for `load_forward` and `load_inverse`."""
    return Path(__file__).parents[1] / "pretrained" / "polar"


def export_pretrained(folder: str | Path, out: str | Path) -> None:
    """Copy the trained networks of a folder, weights in half precision and records with all their provenance."""
    for name in architectures()[architecture_of(folder)].networks:
        source = Path(folder) / f"{name}.safetensors"
        record = read_record(source.with_suffix(".json")) | {"stored_as": "float16"}
        _save({key: tensor.half() for key, tensor in load_file(source).items()}, record, Path(out) / source.name)


def architecture_of(folder: str | Path) -> str:
    """Name of the architecture that a folder of networks holds."""
    for name in sorted({next(iter(a.networks)) for a in architectures().values()}):
        path = Path(folder) / f"{name}.json"
        if path.is_file():
            architecture = str(read_record(path).get("model", "")).split("/")[0]
            if architecture in architectures():
                return architecture
            raise InputError(f"{path}: not a record of a trussmap network; expected one that `model` names.")
    raise InputError(f"{folder}: no trained networks in it; expected forward.json (or forward_1.json of the paper's).")


def read_record(path: str | Path) -> dict:
    """The JSON record of a network, e.g. ``models/polar/forward.json``; InputError where it is missing or altered."""
    again = "expected the JSON that a training wrote beside its weights, train it again"
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        stated = record.pop("digest")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: no readable model record; {again}.") from error
    if stated != _digest(record):
        raise InputError(f"{path}: damaged or altered: the record does not have the digest that it states; {again}.")
    return record
