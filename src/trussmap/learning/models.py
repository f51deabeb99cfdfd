"""Models on disk, and the recipes that train them. A model is ``<name>.safetensors`` (weights) and ``<name>.json``:

===================  =================================================================================
``model``            e.g. ``polar/forward``
``architecture``     what its constructor takes, with the scaling of inputs and outputs
``settings``         epochs, batch, learning rate, …
``history``          one entry per epoch: ``epoch, loss, test_loss, learning_rate, seconds`` and parts of the loss
``dataset_digest``   of the data set it was trained on; ``designs`` says how many
``depends_on``       SHA-256 of the weights of the models it was trained through
``seed``, ``code_version``, ``device``, ``precision``, ``seconds``
===================  =================================================================================
"""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from trussmap import __version__
from trussmap.dataset import open_dataset
from trussmap.errors import InputError
from trussmap.io import atomic_path
from trussmap.learning import direct, paper, polar, training

#: Test designs on which the loss is followed during training.
_FOLLOWED = 10_000


# ----------------------------------------------------------------------------------------------------------- training
def train_model(name, dataset, settings, seed, out, common=None):
    """Train model ``name`` (one of ``RECIPES``) on a data set and write it to ``out`` (``….safetensors``).

    The models that it builds on are expected beside ``out``. A run that was killed resumes from the checkpoint beside
    ``out``. ``common`` are settings shared by all models (``precision``, ``checkpoint_seconds``). With ``designs`` in
    its settings a model sees only the first so many designs of the training split.
    """
    out = Path(out)
    settings = dict(common or {}) | dict(settings)
    make_data, make_model, make_loss, needs = RECIPES[name]
    parents = needs(out.parent)
    with open_dataset(dataset) as data:
        print(f"{name}: reading {dataset}", flush=True)
        tensors, test = make_data(data.train.head(settings.get("designs")), parents), make_data(data.test, parents)
        digest = data.digest
    torch.manual_seed(seed)
    model = make_model(settings, tensors, parents)
    depends_on = {path.stem: _sha256(path) for path in _parent_files(name, out.parent)}
    test = {k: v[:_FOLLOWED] for k, v in test.items()}
    checkpoint = out.with_suffix(".checkpoint.safetensors")
    provenance = {"dataset": digest, "depends_on": depends_on, "code": __version__}
    loss = make_loss(model, settings)
    history = training.train(name, model, loss, tensors, test, settings, seed, provenance, checkpoint)
    record = {
        "model": name,
        "architecture": model.config,
        "settings": settings,
        "history": history,
        "dataset_digest": digest,
        "designs": len(next(iter(tensors.values()))),
        "depends_on": depends_on,
        "seed": seed,
        "code_version": __version__,
        "device": training.device().type,
        "precision": str(training.precision(settings.get("precision", "auto"))).removeprefix("torch."),
        "seconds": history[-1]["seconds"],
    }
    save_model(model, record, out)
    checkpoint.unlink(missing_ok=True)


def save_model(model, record, out):
    """Write weights and record; the JSON last, so that a complete pair has both."""
    out = Path(out)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with atomic_path(out) as temporary:
        save_file(weights, temporary)
    with atomic_path(out.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n")


def _no_parents(_folder):
    return {}


#: name -> (data of a split, new model, loss function, models that it builds on)
RECIPES = {
    "paper/forward_1": (
        lambda split, _: paper.forward_1_data(split),
        lambda settings, data, _: paper.new_forward_1(settings, data),
        lambda model, _: paper.forward_1_loss(model),
        _no_parents,
    ),
    "paper/forward_2": (
        lambda split, parents: paper.forward_2_data(split, parents["forward_1"]),
        lambda settings, data, _: paper.new_forward_2(settings, data),
        lambda model, _: paper.forward_2_loss(model),
        lambda folder: {"forward_1": _load(folder / "forward_1", paper.Forward1)},
    ),
    "paper/inverse": (
        lambda split, _: paper.inverse_data(split),
        lambda settings, data, parents: paper.new_inverse(settings, data, parents["forward"]),
        paper.inverse_loss,
        lambda folder: {"forward": load_forward(folder)},
    ),
    "polar/forward": (
        lambda split, _: polar.forward_data(split),
        lambda settings, data, _: polar.new_forward(settings, data),
        lambda model, _: polar.forward_loss(model),
        _no_parents,
    ),
    "polar/inverse": (
        lambda split, _: polar.inverse_data(split),
        lambda settings, data, parents: polar.new_inverse(settings, data, parents["forward"]),
        polar.inverse_loss,
        lambda folder: {"forward": load_forward(folder)},
    ),
    "direct/forward": (
        lambda split, _: direct.training_data(split),
        lambda settings, data, _: direct.new_model(direct.DirectForward, settings, data),
        lambda model, _: direct.forward_loss(model),
        _no_parents,
    ),
    "direct/inverse": (
        lambda split, _: direct.training_data(split),
        lambda settings, data, _: direct.new_model(direct.DirectInverse, settings, data),
        lambda model, _: direct.inverse_loss(model),
        _no_parents,
    ),
}
_PARENTS = {"paper/forward_2": ["forward_1"], "paper/inverse": ["forward_1", "forward_2"], "polar/inverse": ["forward"]}


def _parent_files(name, folder):
    return [folder / f"{parent}.safetensors" for parent in _PARENTS.get(name, [])]


# ------------------------------------------------------------------------------------------------------------ loading
def load_forward(folder):
    """The forward model in a folder of models, of any architecture: ``.predict(designs (n, 19)) -> (n, 21)``.

    Raises InputError where a file is missing, damaged or of another kind.
    """
    folder = Path(folder)
    kind = architecture(folder)
    if kind == "paper":
        model = paper.Forward(_load(folder / "forward_1", paper.Forward1), _load(folder / "forward_2", paper.Forward2))
        return model.to(training.device())
    model = _load(folder / "forward", {"polar": polar.PolarForward, "direct": direct.DirectForward}[kind])
    return model.to(training.device()).eval().requires_grad_(False)


def load_inverse(folder):
    """The inverse model in a folder of models, of any architecture.

    ``.propose(targets (n, 21), draws=1, temperature=1.0, seed=0) -> (n, draws, 19)``, base modulus 1. Raises InputError
    where a file is missing, damaged or of another kind.
    """
    folder = Path(folder)
    kind = architecture(folder)
    if kind == "direct":
        model = _load(folder / "inverse", direct.DirectInverse)
    else:
        of_kind = {"paper": paper.Inverse, "polar": polar.PolarInverse}[kind]
        model = _load(folder / "inverse", of_kind, forward_model=load_forward(folder))
    return model.to(training.device()).eval().requires_grad_(False)


def pretrained():
    """Folder of the polar models that come with the package, for the two functions above."""
    return Path(__file__).parents[1] / "pretrained" / "polar"


def export_pretrained(folder, out):
    """Copy the trained polar models of a folder, weights in half precision and records with all their provenance."""
    for name in ("forward", "inverse"):
        source = Path(folder) / f"{name}.safetensors"
        record = read_record(source.with_suffix(".json")) | {"stored_as": "float16", "sha256_before": _sha256(source)}
        with atomic_path(Path(out) / source.name) as temporary:
            save_file({key: tensor.half() for key, tensor in load_file(source).items()}, temporary)
        with atomic_path(Path(out) / f"{name}.json") as temporary:
            temporary.write_text(json.dumps(record, indent=1) + "\n")


def architecture(folder):
    """``paper``, ``polar`` or ``direct``: which of them a folder of models holds."""
    for name in ("forward_1.json", "forward.json"):
        path = Path(folder) / name
        if path.is_file():
            kind = str(read_record(path).get("model", "")).split("/")[0]
            if kind in ("paper", "polar", "direct"):
                return kind
            raise InputError(f"{path}: not a record of a trussmap model; expected one that `model` names.")
    raise InputError(f"{folder}: no trained models in it; expected forward.json (or forward_1.json of the paper's).")


def read_record(path):
    """The JSON record of a model, e.g. ``models/polar/forward.json``."""
    try:
        return json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: no readable model record; expected the JSON beside the weights.") from error


def _load(stem, kind, **parents):
    record = read_record(stem.with_suffix(".json"))
    weights = stem.with_suffix(".safetensors")
    try:
        model = kind(**record["architecture"], **parents)
        model.load_state_dict(load_file(weights))
    except (OSError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise InputError(
            f"{weights}: not the weights of the model that {stem.name}.json describes "
            f"({str(error).splitlines()[0]}); train it again."
        ) from error
    return model


def _sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
