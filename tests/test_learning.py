import json
import subprocess
import sys
from textwrap import dedent

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from trussmap.base.errors import InputError
from trussmap.data.dataset import copy_without, merge_shards, open_dataset, write_shard
from trussmap.data.lookup import closest_designs
from trussmap.lattice.compound import topology_members
from trussmap.lattice.descriptor import check_designs, design_topology, sample_designs
from trussmap.lattice.polar import polar_parts, published_designs
from trussmap.learning import training
from trussmap.learning.features import moments, read_features
from trussmap.learning.models import (
    export_pretrained,
    load_forward,
    load_inverse,
    read_record,
    train_network,
    write_record,
)
from trussmap.learning.networks import TrainableNetwork, draw, straight_through_choice
from trussmap.learning.paper import encoding
from trussmap.learning.planned import planned_flop
from trussmap.learning.polar.inverse import target_features
from trussmap.learning.registry import architectures, network_class
from trussmap.learning.scaling import scaled_settings, scaling_row, training_flop
from trussmap.learning.trend import fit_trend, trend_at
from trussmap.mechanics.homogenization import homogenize_designs
from trussmap.study.evaluation import evaluate, evaluate_forward, evaluate_lookup
from trussmap.study.holdout import evaluate_holdout, held_out_topologies
from trussmap.tensors.measures import bootstrap_interval, nmse_frobenius, r_squared
from trussmap.tensors.rotation import from_rotation_vector, from_six, rotation
from trussmap.tensors.stiffness import FLIP_SIGNS, ORTHOTROPIC_INDEX, rotate

N = 3000
SHARES = {"validation_share": 0.03, "test_share": 0.1}
COMMON = {
    "batch": 256,
    "schedule": "cosine",
    "precision": "float32",
    "threads": 1,
    "checkpoint_seconds": 60,
}
#: Settings by which the tests train every network of every architecture.
SMALL = {
    "polar/forward": {"hidden": [64, 64], "epochs": 15, "learning_rate": 5e-3},
    "polar/inverse": {
        "topology": [64, 64],
        "geometry": [64, 64],
        "refine": [64, 64],
        "steps": 1,
        "hypotheses": 2,
        "candidates": 2,
        "posterior_share": 0.5,
        "epochs": 10,
        "learning_rate": 5e-3,
    },
    "paper/forward_1": {"hidden": [64, 64], "epochs": 15, "learning_rate": 5e-3},
    "paper/forward_2": {"hidden": [64, 64], "epochs": 15, "learning_rate": 5e-3},
    "paper/inverse": {
        "topology": [64, 64],
        "geometry": [64, 64],
        "temperature": 1.0,
        "epochs": 10,
        "learning_rate": 2e-3,
    },
}


for _name in ("direct/forward", "direct/inverse"):
    SMALL[_name] = {"hidden": [64, 64], "epochs": 15, "learning_rate": 5e-3}


@pytest.fixture(scope="module", autouse=True)
def torch_threads():
    """Restore torch's threads, on which last digits of predictions in other files depend."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small data set, and all models trained on it."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("study")
    designs = sample_designs(3, 0, N)
    orthotropic = homogenize_designs(designs, orthotropic=True)[:, ORTHOTROPIC_INDEX]
    write_shard(
        folder / "0.h5", designs, orthotropic, homogenize_designs(designs), settings={"seed": 3}
    )
    merge_shards([folder / "0.h5"], folder / "dataset.h5", SHARES, {"seed": 3})
    for name, settings in SMALL.items():
        out = folder / f"{name}.safetensors"
        out.parent.mkdir(exist_ok=True)
        train_network(
            *name.split("/"), folder / "dataset.h5", COMMON | settings, 3, out, "a digest"
        )
    return folder


@pytest.fixture(scope="module")
def test_split(folder):
    with open_dataset(folder / "dataset.h5") as data:
        return data.test.read()


# -------------------------------------------------------------------------------------------------
# building blocks
def test_fast_rotation_is_the_rotation():
    generator = torch.Generator().manual_seed(0)
    turns = from_six(torch.randn(50, 6, generator=generator, dtype=torch.float64))
    c = torch.randn(50, 21, generator=generator, dtype=torch.float64)
    assert np.allclose(rotate(c, turns), rotate(c.numpy(), turns.numpy()), atol=1e-12)
    assert torch.allclose(torch.linalg.det(turns), torch.ones(50, dtype=torch.float64))
    small = from_rotation_vector(
        torch.tensor([[0.0, 0.0, np.pi / 2], [0.0, 0.0, 0.0]], dtype=torch.float64)
    )
    assert torch.allclose(
        small[0] @ torch.tensor([1.0, 0, 0]).double(), torch.tensor([0, 1.0, 0]).double(), atol=1e-9
    )
    assert torch.allclose(small[1], torch.eye(3).double())


def test_choices_follow_the_logits_and_temperature_spreads_them():
    logits = torch.tensor([2.0, 1.0, 0.0]).expand(20_000, 3).clone().requires_grad_()
    for temperature in (1.0, 5.0):
        expected = torch.softmax(logits[0] / temperature, 0).detach()
        for hard in (
            straight_through_choice(logits, temperature, torch.Generator().manual_seed(1)),
            torch.nn.functional.one_hot(
                draw(logits, temperature, torch.Generator().manual_seed(1)), 3
            ).float(),
        ):
            assert torch.allclose(hard.detach().mean(0), expected, atol=0.02)
    assert set(np.unique(hard.detach().round(decimals=5))) == {0.0, 1.0}
    (straight_through_choice(logits, 1.0) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert logits.grad.abs().sum() > 0
    assert (draw(logits, 0) == 0).all()


# --------------------------------------------------------------------------------------------
# designs and their parts
def test_polar_parts_give_the_same_lattice_back():
    designs = sample_designs(1, 0, 2000)
    topology, density, turn, stretch = polar_parts(designs)
    types, reps = topology_members()
    again, exact = published_designs(types[topology], reps[topology], density, turn, stretch)
    check_designs(again, "again")
    assert exact.mean() > 0.995
    back = polar_parts(again)
    assert np.array_equal(back[0], topology) and np.allclose(back[1], density)
    assert np.allclose(back[2][exact], turn[exact], atol=1e-8)
    assert np.allclose(back[3][exact], stretch[exact], atol=1e-8)
    assert np.allclose(
        homogenize_designs(again[:200])[exact[:200]], homogenize_designs(designs[:200])[exact[:200]]
    )


def test_a_stretch_beyond_the_published_ranges_is_flagged():
    types, reps = topology_members()
    stretch = np.array([[1.0, -1.0, 0, 0, 0, 0], [3.0, -3.0, 0, 0, 0, 0], [0, 0, 0, 0.5, 0.1, 0.2]])
    designs, exact = published_designs(
        types[:3], reps[:3], np.full(3, 0.05), np.tile(np.eye(3), (3, 1, 1)), stretch
    )
    assert exact.tolist() == [True, False, True]
    check_designs(designs, "clipped")


def test_paper_inputs_decode_to_the_design():
    designs = sample_designs(2, 0, 500)
    assert np.allclose(encoding.decode(encoding.encode(designs)), designs, atol=1e-6)


def test_canonical_features_do_not_see_the_frame_of_the_target(test_split):
    c = test_split["stiffness"][:100]
    turned = rotate(c, rotation(np.random.default_rng(0).uniform(0, 0.6, (100, 3))))
    first, second = target_features(c), target_features(turned)
    assert torch.allclose(first["log_norm"], second["log_norm"], atol=1e-4)
    versions = first["shape"][:, None] * torch.as_tensor(
        np.tile(FLIP_SIGNS, 2), dtype=torch.float32
    )
    gap = (versions - second["shape"][:, None])[..., :21].abs().amax(-1).amin(-1)
    assert gap.quantile(0.95) < 1e-3  # the frame is not unique where eigenvalues coincide


# ------------------------------------------------------------------------------------------------------
# training loop
def _toy():
    torch.manual_seed(0)
    x = torch.randn(640, 4)
    return _Toy(), {"x": x, "y": x @ torch.randn(4, 2)}


class _Toy(torch.nn.Linear):
    def __init__(self):
        torch.manual_seed(1)
        super().__init__(4, 2)
        self.calls, self.fail_after = 0, None

    def loss(self, batch, generator, parents, settings):
        self.calls += 1
        if self.fail_after and self.calls > self.fail_after:
            raise KeyboardInterrupt
        noise = 0.01 * torch.randn(batch["y"].shape, generator=generator)
        return ((self(batch["x"]) - batch["y"] - noise) ** 2).mean()


def _settings(**more):
    common = {
        "batch": 64,
        "learning_rate": 0.05,
        "precision": "float32",
        "threads": 2,
        "checkpoint_seconds": 0,
    }
    return common | more


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_a_killed_training_resumes_where_it_was(tmp_path, schedule):
    settings = _settings(epochs=6, schedule=schedule)
    results = []
    for fail_after in (None, 27):
        checkpoint = tmp_path / f"{fail_after}.safetensors"
        model, data = _toy()
        if fail_after:
            model.fail_after = 2 * fail_after
            with pytest.raises(KeyboardInterrupt):
                training.train("t", model, {}, data, data, settings, 1, {}, checkpoint)
            model, data = _toy()
        history = training.train("t", model, {}, data, data, settings, 1, {}, checkpoint)
        results.append((model.weight.detach().clone(), history))
    assert torch.equal(results[0][0], results[1][0])
    assert len(results[0][1]) == len(results[1][1]) == 6
    for one, two in zip(*(r[1] for r in results), strict=True):
        assert one == pytest.approx(two)


def test_a_checkpoint_of_other_settings_is_not_resumed(tmp_path, capsys):
    model, data = _toy()
    for settings in (
        _settings(epochs=2, schedule="constant"),
        _settings(epochs=3, schedule="constant"),
    ):
        training.train("t", model, {}, data, data, settings, 1, {}, tmp_path / "c.safetensors")
    assert "resumed" not in capsys.readouterr().out


def test_a_training_that_diverges_says_so(tmp_path):
    model, data = _toy()
    settings = _settings(epochs=3, schedule="constant") | {"learning_rate": 1e38}
    with pytest.raises(
        InputError, match=r"t: the loss is .* epoch 1; expected a learning_rate below 1e"
    ):
        training.train("t", model, {}, data, data, settings, 1, {}, tmp_path / "c.safetensors")


def test_a_training_does_not_depend_on_the_cores(tmp_path):
    """Torch's threads stand for the cores: sums over rows, such as the gradients of biases, are
    spread over them.
    """
    found = []
    for cores in (1, 2):
        torch.set_num_threads(cores)
        torch.manual_seed(0)
        x = torch.randn(70_000, 4)
        model, data = _Toy(), {"x": x, "y": x @ torch.randn(4, 2)}
        settings = _settings(epochs=3, batch=70_000, schedule="constant")
        training.train("t", model, {}, data, data, settings, 1, {}, tmp_path / "c.safetensors")
        assert torch.get_num_threads() == cores
        found.append(model.weight.detach().clone())
    torch.set_num_threads(1)
    assert torch.equal(*found)


class _Exact(_Toy):
    def loss(self, batch, generator, parents, settings):
        return ((self(batch["x"]) - batch["y"]) ** 2).mean()


@pytest.mark.parametrize("batch", [64, 100, 1000])  # of 640 designs
def test_a_batch_counts_as_a_whole_however_it_is_shared(tmp_path, batch):
    found, losses = [], []
    for threads in (1, 2, 3):
        data, model = _toy()[1], _Exact()
        settings = _settings(epochs=2, batch=batch, schedule="constant", threads=threads)
        history = training.train(
            "t", model, {}, data, data, settings, 1, {}, tmp_path / "c.safetensors"
        )
        found.append(model.weight.detach().clone())
        losses.append([epoch["loss"] for epoch in history])
    for other, own in zip(found[1:], losses[1:], strict=True):
        assert torch.allclose(found[0], other, rtol=1e-5, atol=1e-6)
        assert own == pytest.approx(losses[0], rel=1e-5)
    if batch > 640:
        assert losses[0][0] == pytest.approx(float(_Exact().loss(data, None, {}, {}).detach()))


def test_a_plateau_takes_gains_below_the_threshold_for_none():
    """As ReduceLROnPlateau does: many small gains that add up to the threshold are progress."""
    parameter = torch.nn.Parameter(torch.zeros(1))
    rate = training.schedule(torch.optim.Adam([parameter], lr=1.0), {"schedule": "plateau"}, 100)
    for epoch in range(100):
        rate.step(1 - 6e-5 * epoch)
    assert rate.get_last_lr() == [1.0]
    for _ in range(22):
        rate.step(0.994)
    assert rate.get_last_lr() == [0.5]


def test_weights_are_those_of_torchs_own_adam():
    """Of which the training's lacks what imports torch's compiler."""
    found = []
    for optimizer_class in (training._Adam, torch.optim.Adam):
        torch.manual_seed(0)
        network, rows = torch.nn.Linear(5, 3), torch.randn(20, 5)
        weights = list(network.parameters())
        optimizer = optimizer_class(weights, lr=0.01, fused=True)
        rate = training.schedule(optimizer, {"schedule": "cosine"}, 50)
        for _ in range(50):
            for weight, gradient in zip(
                weights, torch.autograd.grad(network(rows).square().mean(), weights), strict=True
            ):
                weight.grad = gradient
            optimizer.step()
            rate.step()
        found.append(torch.cat([weight.detach().ravel() for weight in weights]))
    assert torch.equal(*found)


def test_a_checkpoint_resumes_on_another_device(tmp_path):
    """The fused optimizer needs its step counts on the device of the weights; torch's device
    without data shows it.
    """
    settings = _settings(epochs=2, schedule="constant")
    model, data = _toy()
    model.fail_after = 15
    with pytest.raises(KeyboardInterrupt):
        training.train("t", model, {}, data, data, settings, 1, {}, tmp_path / "c.safetensors")
    with safe_open(tmp_path / "c.safetensors", "pt") as file:
        key = file.metadata()["key"]
    elsewhere = dict(model.to("meta").named_parameters())
    optimizer = torch.optim.Adam(elsewhere.values(), lr=0.05)
    rate = training.schedule(optimizer, settings, 20)
    training.restore(
        *training.read_checkpoint(tmp_path / "c.safetensors", key), elsewhere, optimizer, rate
    )
    assert optimizer.param_groups[0]["fused"]
    for p in elsewhere.values():
        assert {value.device.type for value in optimizer.state[p].values()} == {"meta"}


@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b[:-3] + b"\1" + b[-2:], lambda b: b""]
)
def test_a_damaged_checkpoint_is_dropped(tmp_path, damage):
    settings, path = _settings(epochs=2, schedule="constant"), tmp_path / "c.safetensors"
    model, data = _toy()
    model.fail_after = 15
    with pytest.raises(KeyboardInterrupt):
        training.train("t", model, {}, data, data, settings, 1, {}, path)
    path.write_bytes(damage(path.read_bytes()))
    histories = []
    for checkpoint in (path, tmp_path / "none.safetensors"):
        model, data = _toy()
        history = training.train("t", model, {}, data, data, settings, 1, {}, checkpoint)
        histories.append([entry | {"seconds": 0} for entry in history])
    assert histories[0] == histories[1]


# ----------------------------------------------------------------------------------------- trained
# models, end to end
def test_every_architecture_declares_networks_that_follow_the_protocol():
    names = {f"{name}/{network}" for name, a in architectures().items() for network in a.networks}
    assert names == SMALL.keys(), "expected settings for small networks of each architecture"
    for name, architecture in architectures().items():
        trained = []
        for network, declared in architecture.networks.items():
            kind = network_class(name, network)
            assert set(declared.parents) <= set(trained)
            assert issubclass(kind, TrainableNetwork) and not kind.__abstractmethods__
            assert kind.columns
            trained.append(network)
        assert hasattr(network_class(name, "inverse"), "propose")


def test_features_are_those_of_the_whole_split_whatever_the_blocks(folder):
    kind = network_class("polar", "inverse")
    with open_dataset(folder / "dataset.h5") as data:
        found = read_features(kind, data.train, {}, folder)
        whole = kind.features(data.train.read(names=kind.columns), {})
    assert found.keys() == whole.keys()
    assert all(torch.equal(found[name], whole[name]) for name in whole)
    mean, deviation = moments(found["shape"])
    assert torch.allclose(mean, whole["shape"].double().mean(0)) and torch.allclose(
        deviation, whole["shape"].double().std(0)
    )
    assert not list(folder.glob(".features*"))


def test_a_training_needs_no_memory_for_its_designs(tmp_path):
    """Anonymous memory, that which the system cannot take back, while features of 200 MB are read."""
    script = """
        import sys, torch
        from types import SimpleNamespace
        from trussmap.learning.features import moments, read_features

        class Split:
            def __len__(self):
                return 500_000

            def blocks(self, names):
                for start in range(0, 500_000, 50_000):
                    yield start

        def anonymous():
            lines = open("/proc/self/status").read().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

        network = SimpleNamespace(columns=(), features=lambda start, parents: {"x": torch.full((50_000, 100), 1.0)})
        read_features(network, Split(), {}, sys.argv[1])
        before = anonymous()
        data = read_features(network, Split(), {}, sys.argv[1])
        moments(data["x"])
        print(anonymous() - before)
    """
    run = subprocess.run(
        [sys.executable, "-c", dedent(script), tmp_path], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert float(run.stdout) < 75


@pytest.mark.parametrize(("architecture", "share"), [("polar", 0.3), ("paper", 0.95)])
def test_models_learn_and_propose_valid_designs(folder, test_split, architecture, share):
    forward, inverse = load_forward(folder / architecture), load_inverse(folder / architecture)
    truth = test_split["stiffness"]
    assert r_squared(truth, forward.predict(test_split["designs"])).mean() > 0.4
    designs = inverse.propose(truth, draws=2, seed=4)
    assert designs.shape == (len(truth), 2, 19)
    check_designs(designs.reshape(-1, 19), "proposals")
    assert np.array_equal(designs, inverse.propose(truth, draws=2, seed=4))
    assert not np.array_equal(designs, inverse.propose(truth, draws=2, seed=5))
    reached = homogenize_designs(designs[:, 0])
    chance = homogenize_designs(np.random.default_rng(0).permutation(designs[:, 0]))
    assert ((reached - truth) ** 2).sum() < share * ((chance - truth) ** 2).sum()


def test_direct_regression_gives_one_valid_answer(folder, test_split):
    truth = test_split["stiffness"]
    assert (
        r_squared(truth, load_forward(folder / "direct").predict(test_split["designs"])).mean() > 0
    )
    designs = load_inverse(folder / "direct").propose(truth, draws=2)
    check_designs(designs.reshape(-1, 19), "proposals")
    assert np.array_equal(designs[:, 0], designs[:, 1])


def test_polar_predictions_turn_with_the_lattice(folder):
    """The rotation R2 is exact, whatever the network has learned."""
    forward = load_forward(folder / "polar")
    designs = sample_designs(8, 0, 20)
    upright = designs.copy()
    upright[:, [13, 14, 15]] = 0  # R2 = identity
    turned = rotate(forward.predict(upright), rotation(designs[:, [13, 14, 15]]))
    assert np.allclose(forward.predict(designs), turned, rtol=1e-4, atol=1e-8)


def test_higher_temperature_draws_more_topologies(folder, test_split):
    inverse = load_inverse(folder / "polar")
    counts = []
    for temperature in (0, 1.0, 50.0):
        designs = inverse.propose(test_split["stiffness"][:20], draws=20, temperature=temperature)
        keys = design_topology(designs.reshape(-1, 19)).reshape(20, 20)
        counts.append(np.mean([len(set(row)) for row in keys]))
    assert counts[0] < counts[1] < counts[2]


@pytest.mark.parametrize("architecture", architectures())
def test_evaluation_has_every_number(folder, architecture):
    settings = {
        "split": "test",
        "designs": 150,
        "redraws": 2,
        "redraw_temperature": 200,
        "timing_predictions": 300,
        "bootstrap": 20,
        "refine_steps": 2,
    }
    metrics, times, arrays = evaluate(folder / architecture, folder / "dataset.h5", settings)
    assert metrics["designs"] == len(arrays["inverse_fe"]) == 150
    assert times["inverse"].keys() == {"seconds_30000", "refine_seconds_30000"}
    for tree in (
        metrics["forward"]["r2"],
        metrics["inverse"]["r2_fe"],
        metrics["inverse"]["r2_surrogate"],
    ):
        assert len(tree) == 21 and max(tree.values()) <= 1
    assert 0 <= metrics["inverse"]["same_topology_share"] <= 1
    assert 0.005 < metrics["inverse"]["same_topology_share_by_chance"] < 0.05
    if architecture == "polar":  # the less the forward model chooses, the worse
        chosen = [
            np.mean(list(metrics["inverse"][key].values()))
            for key in ("r2_fe_one_guess", "r2_fe_single", "r2_fe")
        ]
        assert chosen == sorted(chosen)
    for key in ("redraw_differs_share", "redraw_differs_share_hot"):
        assert (metrics["inverse"][key] > 0) == (architecture != "direct")
    assert (
        metrics["inverse"]["redraw_differs_share_hot"] >= metrics["inverse"]["redraw_differs_share"]
    )
    mean = {
        key: np.mean(list(metrics["inverse"][key].values())) for key in ("r2_fe", "r2_fe_refined")
    }
    assert mean["r2_fe_refined"] > mean["r2_fe"]
    low, high = metrics["forward"]["r2_interval"]["C11"]
    assert low <= metrics["forward"]["r2"]["C11"] <= high
    assert (
        ("forward_1" in metrics) == ("forward_orthotropic" in arrays) == (architecture == "paper")
    )
    json.dumps(metrics)


def test_a_record_tells_where_a_model_comes_from(folder):
    record = read_record(folder / "polar" / "inverse.json")
    with open_dataset(folder / "dataset.h5") as data:
        assert record["dataset_digest"] == data.digest
    assert [entry["epoch"] for entry in record["history"]] == list(range(1, 11))
    assert {"loss", "validation_loss", "learning_rate"} <= set(record["history"][0])
    assert set(record["depends_on"]) == {"forward"}
    assert record["source_digest"] == "a digest"
    assert not list((folder / "polar").glob("*checkpoint*"))


@pytest.mark.parametrize("architecture", architectures())
def test_proposals_are_made_in_the_precision_of_the_training(
    folder, test_split, tmp_path, architecture
):
    """Whatever this machine would train in: otherwise proposals depend on the machine."""
    found = []
    for precision in ("float32", "bfloat16"):
        export_pretrained(folder / architecture, tmp_path)
        record = read_record(tmp_path / "inverse.json") | {"precision": precision}
        write_record(record, tmp_path / "inverse.json")
        found.append(load_inverse(tmp_path).propose(test_split["stiffness"][:50]))
    own = load_inverse(folder / architecture).propose(test_split["stiffness"][:50])
    assert np.median(np.abs(found[0] - own)) < np.median(np.abs(found[1] - own))
    assert not np.array_equal(*found)


def test_half_precision_copies_predict_the_same(folder, test_split, tmp_path):
    export_pretrained(folder / "polar", tmp_path)
    designs = test_split["designs"]
    exact, copied = (load_forward(path).predict(designs) for path in (folder / "polar", tmp_path))
    assert np.median(nmse_frobenius(copied, exact)) < 1e-5
    check_designs(load_inverse(tmp_path).propose(test_split["stiffness"][:20])[:, 0], "proposals")
    assert read_record(tmp_path / "forward.json")["dataset_digest"]


def test_unusable_models_are_named(folder, tmp_path):
    with pytest.raises(InputError, match="no trained networks"):
        load_forward(tmp_path)
    for name in ("forward.json", "forward.safetensors"):
        (tmp_path / name).write_bytes((folder / "polar" / name).read_bytes())
    (tmp_path / "forward.safetensors").write_bytes(
        (folder / "polar/forward.safetensors").read_bytes()[:-100]
    )
    with pytest.raises(InputError, match=r"forward\.safetensors"):
        load_forward(tmp_path)
    (tmp_path / "forward.json").write_text("{")
    with pytest.raises(InputError, match=r"forward\.json"):
        load_forward(tmp_path)


def test_proposals_do_not_depend_on_the_threads(folder, test_split, monkeypatch):
    monkeypatch.setattr("trussmap.learning.polar.inverse._GUESSES", 64)
    inverse, found = load_inverse(folder / "polar"), []
    for threads in (2, 1):
        torch.set_num_threads(threads)
        found.append(inverse.propose(test_split["stiffness"][:200], draws=2, seed=5))
        assert torch.get_num_threads() == threads
    assert np.array_equal(*found)


# ---------------------------------------------------------------------------------------------------------
# evaluation
def test_r_squared_and_its_interval():
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(4000, 2)) + 5
    predicted = truth + [0.1, 0.5] * generator.normal(size=(4000, 2))
    r2 = r_squared(truth, predicted)
    assert np.allclose(r2, [0.99, 0.75], atol=0.02)
    low, high = bootstrap_interval(truth, predicted, 200, seed=0)
    assert (low < r2).all() and (r2 < high).all() and (high - low < 0.05).all()
    assert np.allclose(r_squared(truth, np.broadcast_to(truth.mean(0), truth.shape)), 0)


@pytest.mark.parametrize(
    ("designs", "effort", "epochs", "seen"),
    [(1000, 1, 30, 1000), (10_000, 0.5, 2, 7500), (10**9, 0.1, 1, 3000), (10_000, 2, 6, 10_000)],
)
def test_fewer_designs_are_seen_more_often(designs, effort, epochs, seen):
    scaled = scaled_settings({"epochs": 3, "batch": 100}, designs, effort, 10_000)
    assert scaled == {"epochs": epochs, "designs": seen, "batch": 100}


@pytest.mark.parametrize("name", ["forward", "inverse"])
def test_compute_is_counted_in_matrix_products(folder, name):
    """Two operations forward for each weight and row, four backward, two where the inputs need no
    gradient.
    """
    record = read_record(folder / "direct" / f"{name}.json")
    settings = record["settings"]
    rows = settings["epochs"] * settings["batch"] * (record["designs"] // settings["batch"])
    first, *others = [
        w.numel() for w in load_file(folder / f"direct/{name}.safetensors").values() if w.ndim == 2
    ]
    flop = training_flop(folder / "direct", "direct", name, folder / "dataset.h5")
    assert flop == rows * (4 * first + 6 * sum(others))


def test_planned_compute_is_that_of_the_training(folder):
    """But for the rest of an epoch after its last whole batch."""
    own = {name.split("/")[1]: COMMON | s for name, s in SMALL.items() if name.startswith("paper/")}
    planned = planned_flop(
        {"dataset": SHARES, "sampling": {"designs": N}, "model": {"paper": own}}, "paper"
    )
    for name, flop in planned.items():
        made = training_flop(folder / "paper", "paper", name, folder / "dataset.h5")
        assert made == pytest.approx(flop, rel=0.06)


def test_forward_networks_can_stand_alone_in_the_scaling_study(folder, tmp_path):
    for name in ("forward_1", "forward_2"):
        for ending in ("json", "safetensors"):
            (tmp_path / f"{name}.{ending}").write_bytes(
                (folder / f"paper/{name}.{ending}").read_bytes()
            )
    settings = {"split": "test", "designs": 100, "bootstrap": 20}
    metrics, _ = evaluate_forward(tmp_path, folder / "dataset.h5", settings)
    row = scaling_row(tmp_path, folder / "dataset.h5", metrics, 10**6, 0.5, run=2)
    assert (row["architecture"], row["of_all"], row["effort"], row["run"]) == (
        "paper",
        True,
        0.5,
        2,
    )
    assert row["forward_min"] <= row["forward_mean"] < 1 and row["forward_flop"] > 0
    assert not [key for key in row if key.startswith("inverse")]


@pytest.mark.parametrize("floor", [0.0, 0.03])
def test_a_trend_finds_exponent_floor_and_where_it_leads(floor):
    compute = np.repeat(np.geomspace(1e12, 1e15, 7), 2)
    noise = np.exp(0.02 * np.random.default_rng(1).standard_normal(14))
    missing = (floor + 0.1 * (compute / 1e14) ** -0.4) * noise
    fit = fit_trend(compute, missing, 0.05, resamples=100)
    assert (fit["points"], fit["levels"]) == (14, 7)
    found = fit["floor"] | {"unit": fit["unit"]}
    assert found["exponent_interval"][0] < 0.4 < found["exponent_interval"][1]
    assert found["floor_interval"][0] <= floor + 1e-9 and found["floor_interval"][1] > floor
    reached = 1e14 * (0.1 / (0.05 - floor)) ** (1 / 0.4)
    assert found["compute"] == pytest.approx(reached, rel=0.2)
    assert trend_at(found, np.array([found["compute"]]))[0] == pytest.approx(0.05)
    assert fit["floor_by_chance"] > 0.1 if floor == 0 else fit["floor_by_chance"] < 0.05


def test_a_trend_never_reaches_what_lies_below_its_floor():
    compute = np.geomspace(1e12, 1e15, 8)
    fit = fit_trend(compute, 0.06 + 0.1 * (compute / 1e13) ** -0.5, 0.05, resamples=20)
    assert fit["floor"]["compute"] is None and fit["floor"]["compute_interval"] == [None, None]
    assert fit["power"]["compute"] > 1e15
    json.dumps(fit, allow_nan=False)


def test_two_levels_of_compute_are_no_trend():
    fit = fit_trend(np.array([1e12, 1e12, 1e13]), np.array([0.1, 0.11, 0.05]), 0.01, resamples=5)
    assert fit.keys() == {"points", "levels", "unit"}


def test_held_out_topologies_are_worse_predicted_and_hardly_proposed(folder, tmp_path):
    topologies = held_out_topologies(60, 3)
    assert len({*topologies}) == 60 and not np.array_equal(topologies, held_out_topologies(60, 4))
    copy_without(folder / "dataset.h5", tmp_path / "dataset.h5", topologies)
    for name in ("forward", "inverse"):
        (tmp_path / "polar").mkdir(exist_ok=True)
        out = tmp_path / f"polar/{name}.safetensors"
        train_network(
            "polar", name, tmp_path / "dataset.h5", COMMON | SMALL[f"polar/{name}"], 3, out
        )
    (tmp_path / "members").mkdir()
    out = tmp_path / "members/forward.safetensors"
    settings = COMMON | SMALL["polar/forward"] | {"embedding": 0}
    train_network("polar", "forward", tmp_path / "dataset.h5", settings, 3, out)
    models = {
        "vectors": tmp_path / "polar",
        "members": tmp_path / "members",
        "all": folder / "polar",
    }
    settings = {"split": "test", "designs": 200, "refine_steps": 2}
    found = evaluate_holdout(models, folder / "dataset.h5", topologies, settings)
    assert sum(found["designs"].values()) == 200 and found["designs"]["held_out"] > 50
    error = {name: tree["held_out"]["relative_error"] for name, tree in found["forward"].items()}
    assert error["all"] < error["vectors_mean_vector"] < error["vectors"]
    assert found["forward"].keys() == {
        "vectors",
        "vectors_mean_vector",
        "members",
        "all",
        "all_mean_vector",
    }
    assert found["inverse"].keys() == {"vectors", "vectors_excluded", "all", "all_excluded"}
    for group in ("seen", "held_out"):
        assert found["inverse"]["all_excluded"][group]["held_out_share"] == 0
    for group in ("seen", "held_out"):
        own = found["inverse"]["vectors"][group]
        assert own["refined_relative_error"] < own["relative_error"]
        assert own["held_out_share"] < found["inverse"]["all"][group]["held_out_share"]


def test_lookup_finds_the_closest_training_design(folder, test_split):
    targets = test_split["stiffness"][:30]
    with open_dataset(folder / "dataset.h5") as data:
        known = data.train.read()["stiffness"]
        assert np.array_equal(closest_designs(data.train, known[:50])[1][:, 0], known[:50])
        designs, found = closest_designs(data.train, targets, count=3)
    best = np.sort(nmse_frobenius(known[None], targets[:, None]), 1)[:, :3]
    assert np.allclose(nmse_frobenius(found, targets[:, None]), best, rtol=1e-3)
    assert np.allclose(
        homogenize_designs(designs.reshape(-1, 19)), found.reshape(-1, 21), rtol=1e-9, atol=1e-12
    )


def test_symmetric_lookup_sees_through_rotation_and_density(folder):
    """A turned, thinner version of a known design is found, turned back and filled up."""
    with open_dataset(folder / "dataset.h5") as data:
        known = data.train.read(slice(40))["stiffness"]
        turn = rotation(np.random.default_rng(0).uniform(0, 0.6, (40, 3)))
        targets = rotate(known, turn) * 0.999
        designs, found = (
            part[:, 0] for part in closest_designs(data.train, targets, symmetric=True)
        )
    assert np.allclose(found, targets, rtol=1e-4, atol=1e-5 * np.abs(targets).max(1, keepdims=True))
    assert nmse_frobenius(homogenize_designs(designs), targets).max() < 1e-5
    check_designs(designs, "found")


def test_lookup_is_evaluated_raw_and_symmetric(folder):
    metrics = evaluate_lookup(folder / "dataset.h5", {"split": "test", "lookup": 285})
    assert metrics["designs"] == 285
    assert min(metrics["symmetric"]["r2_fe"].values()) > min(metrics["raw"]["r2_fe"].values())
