"""Figures: the geometry that is drawn, and every figure as a picture that is not blank."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from trussmap.figures import (
    catalogue,
    cauchy,
    correlation,
    dataset,
    draw,
    elementary,
    examples,
    generation,
    graded,
    losses,
    scaling,
    targets,
    trend,
)
from trussmap.lattice.descriptor import DESIGN_COLUMNS, design_topology, sample_designs
from trussmap.lattice.elementary import elementary_lattice
from trussmap.learning.trend import fit_trend
from trussmap.mechanics.homogenization import homogenize_cells, homogenize_designs
from trussmap.search.lattices import freedoms
from trussmap.study.cauchy import describe_designs, describe_residual
from trussmap.tensors.rotation import rotation
from trussmap.tensors.stiffness import COMPONENTS, directional_modulus, isotropic, pack, rotate


@pytest.fixture(scope="module")
def designs():
    return sample_designs(3, 0, 60)


@pytest.fixture(scope="module")
def stiffness(designs):
    return homogenize_designs(designs, threads=1)


def check_picture(path, least_ink=0.01):
    """A PNG of a readable size with something on it, and none of it cut at the border."""
    image = imread(path)[..., :3].min(-1)
    assert min(image.shape) > 500
    assert (image < 0.9).mean() > least_ink
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    assert (border > 0.98).all()


def test_simple_cubic_cell_shows_its_twelve_edges():
    start, end, index = draw.cell_struts(elementary_lattice(0))
    assert len(start) == 12
    assert np.allclose(np.linalg.norm(end - start, axis=1), 1)
    assert np.bincount(index).tolist() == [4, 4, 4]


def test_cell_struts_fill_the_closed_cell_and_no_more():
    for kind in range(7):
        for graph in (elementary_lattice(kind), elementary_lattice(kind).tiled(2)):
            start, end, _ = draw.cell_struts(graph)
            both = np.vstack([start, end])
            assert both.min() > -1e-9 and both.max() < 1 + 1e-9
            # counting a strut on a face half and one on an edge a quarter gives each strut of the
            # graph once
            middle = (start + end) / 2
            on_faces = ((np.abs(middle) < 1e-9) | (np.abs(middle - 1) < 1e-9)).sum(1)
            length = np.linalg.norm(end - start, axis=1) / 2.0**on_faces
            assert length.sum() == pytest.approx(graph.lengths.sum())


def test_camera_is_a_rotation_with_z_upwards():
    view = draw.camera(-50, 25)
    assert np.allclose(view @ view.T, np.eye(3))
    assert np.linalg.det(view) == pytest.approx(1)
    assert view[0, 2] == pytest.approx(0) and view[1, 2] > 0


def test_nearer_strut_hides_the_farther_one():
    view = np.eye(3)
    start = np.array([[-1.0, 0, 0], [0, -1.0, 1]])
    end = np.array([[1.0, 0, 0], [0, 1.0, 1]])
    colors = np.array([[1.0, 0, 0], [0, 0, 1.0]])
    image = draw.truss_image(start, end, 0.1, colors, (-1, 1, -1, 1), 101, view)
    red, _, blue, cover = image[50, 50]
    assert cover == 1 and blue > red
    red, _, blue, cover = image[50, 5]
    assert cover == 1 and red > blue
    assert image[5, 5, 3] == 0


def test_strut_is_as_wide_as_its_diameter():
    image = draw.truss_image(
        np.array([[-1.0, 0, 0]]),
        np.array([[1.0, 0, 0]]),
        0.25,
        np.ones((1, 3)),
        (-1, 1, -1, 1),
        200,
        np.eye(3),
    )
    assert image[:, 100, 3].sum() == pytest.approx(0.5 * 100, abs=2)


def test_elastic_surface_of_an_isotropic_material_is_a_sphere():
    ax = Figure().add_subplot()
    draw.elastic_surface(ax, pack(isotropic(2.0)))
    assert np.allclose(np.abs(ax.get_xlim()), 2, rtol=1e-3)
    assert np.allclose(np.abs(ax.get_ylim()), 2, rtol=1e-3)
    assert draw.maximum_modulus(pack(isotropic(2.0))) == pytest.approx(2)


def test_the_grid_of_a_surface_follows_narrow_peaks():
    cubic = homogenize_cells([elementary_lattice(0)], 1e-3)[0]  # stiff along its axes alone
    polar, around = draw.surface_grid(lambda n: directional_modulus(cubic, n), 60)
    assert np.allclose(polar, np.pi - polar[::-1])
    assert (np.diff(polar) > 0).all() and (np.diff(around) > 0).all()
    for peak in (0, np.pi / 2, np.pi):
        assert np.abs(around - peak).min() < 1e-9
        assert (np.abs(around - peak) < 0.05).sum() >= 8 > 2 * (0.05 / np.pi * 60)
    isotropic_polar, _ = draw.surface_grid(
        lambda n: directional_modulus(pack(isotropic(2.0)), n), 60
    )
    assert np.allclose(isotropic_polar, np.linspace(0, np.pi, 61), atol=0.06)


def test_maximum_modulus_finds_a_narrow_peak():
    cubic = homogenize_cells([elementary_lattice(0)], 1e-3)[0]
    tilt = rotation(np.array([0.7, 0.3, -0.5]))
    assert draw.maximum_modulus(cubic) == pytest.approx(1e-3 / 3, rel=1e-4)
    assert draw.maximum_modulus(rotate(cubic, tilt)) == pytest.approx(1e-3 / 3, rel=1e-4)


def test_round_length_is_one_two_or_five():
    assert draw.round_length(0.0049) == pytest.approx(0.002)
    assert draw.round_length(7) == 5
    assert draw.round_length(1.0) == 1


def test_stages_end_in_the_stiffness_of_the_design():
    design = generation.EXAMPLE
    sequence = generation.stages(design)
    assert len(sequence) == 5
    full = homogenize_designs(design[None], threads=1)[0]
    only_u = homogenize_designs(design[None], orthotropic=True, threads=1)[0]
    scale = np.abs(full).max()
    assert np.allclose(sequence[-1].stiffness, full, atol=1e-9 * scale)
    assert np.allclose(sequence[1].stiffness, only_u, atol=1e-9 * scale)
    # a rotation turns the elastic surface, it changes no extreme value
    for before, after in ((1, 2), (3, 4)):
        values = [draw.maximum_modulus(sequence[k].stiffness) for k in (before, after)]
        assert values[0] == pytest.approx(values[1], rel=0.01)


def test_generation_and_elementary_figures(tmp_path):
    generation.plot(generation.EXAMPLE, tmp_path / "generation.png")
    examples.plot(examples.EXAMPLES, tmp_path / "examples.png")
    elementary.plot(tmp_path / "elementary.png")
    for name in ("generation", "examples", "elementary"):
        check_picture(tmp_path / f"{name}.png")


def test_correlation_figures(tmp_path, stiffness):
    rng = np.random.default_rng(0)
    close = stiffness * (1 + 0.05 * rng.normal(size=stiffness.shape))
    correlation.plot(stiffness, close, tmp_path / "all.png", title="Forward")
    correlation.plot(stiffness[:, :9], close[:, :9], tmp_path / "nine.png")
    useless = rng.permutation(stiffness) * 3  # R² far below zero must not break the figure
    correlation.plot(stiffness, useless, tmp_path / "useless.png")
    for name in ("all", "nine", "useless"):
        check_picture(tmp_path / f"{name}.png", 0.005)


def test_dataset_figure(tmp_path, stiffness):
    published = pd.DataFrame(
        {"column": COMPONENTS, "mean": stiffness.mean(0), "std": stiffness.std(0)}
    )
    dataset.plot(stiffness, published, tmp_path / "dataset.png")
    check_picture(tmp_path / "dataset.png")


def test_cauchy_figure(tmp_path, designs, stiffness):
    data = describe_designs(designs, stiffness)
    found = describe_residual(stiffness[:8], np.roll(stiffness[:8], 1, 0)).assign(
        name=list("abcdefgh")
    )
    found["relative_density"], found["source"] = 0.03, ["bone"] * 4 + ["generated"] * 4
    lattices = ["all", *(f"{word}_{kind}" for word in ("without", "only") for kind in range(7))]
    table = [{"name": name, "lattices": label} for name in "abcd" for label in lattices]
    ablation = pd.DataFrame(table).assign(nmse_frobenius=np.linspace(1e-3, 1e-1, 60))
    cauchy.plot(data, found, ablation, tmp_path / "cauchy.png")
    check_picture(tmp_path / "cauchy.png")


@pytest.mark.parametrize("networks", [1, 2, 5])
def test_losses_figure(tmp_path, networks):
    history = [
        {"epoch": k, "loss": 1 / k, "validation_loss": 2 / k, "learning_rate": 1e-3}
        for k in range(1, 9)
    ]
    losses.plot(
        {f"paper/net_{k}": history for k in range(networks)} | {"paper/none": []},
        tmp_path / "losses.png",
    )
    check_picture(tmp_path / "losses.png", 0.003)


def test_targets_figure(tmp_path, designs, stiffness):
    rows = [
        {"target": target, "rank": rank, "relative_error": 0.1 * rank, "modulus_error_largest": 0.2}
        | dict(zip(DESIGN_COLUMNS, designs[10 * target + rank], strict=True))
        | dict(zip(COMPONENTS, stiffness[10 * target + rank], strict=True))
        for target, rank in ((1, 1), (1, 2), (2, 1))
    ]
    graphs = [elementary_lattice(1), None]
    path = tmp_path / "targets.png"
    rows = pd.DataFrame(rows)
    thick = rows.drop(index=1).assign(node_shifts="")
    struts, _ = freedoms(design_topology(thick[DESIGN_COLUMNS].to_numpy()), "areas")
    thick["strut_areas"] = [" ".join(["1.0", "4.0"] * count)[: 4 * count - 1] for count in struts]
    options = {"unit": "GPa", "unit_scale": 114.0, "families": {"areas": thick}}
    targets.plot(["specimen_1", "b"], stiffness[[0, 1]], rows, path, graphs, **options)
    check_picture(path)


@pytest.mark.parametrize(("generated", "refined"), [(200, True), (3, False), (0, True)])
def test_catalogue_figure(tmp_path, generated, refined):
    rng = np.random.default_rng(0)
    cells = pd.DataFrame({"source": ["generated"] * generated + ["catalogue"] * 2})
    cells["crystal_system"] = rng.choice(["cub", "hex", "tric"], len(cells))
    cells["connectivity"] = rng.uniform(3, 14, len(cells))
    keys = ("relative_error", "lookup_relative_error", "symmetric_lookup_relative_error")
    for key in (*keys, *["relative_error_refined"] * refined):
        cells[key] = 10.0 ** rng.uniform(-9, 1, len(cells))
    catalogue.plot(cells, tmp_path / "catalogue.png")
    check_picture(tmp_path / "catalogue.png")


@pytest.mark.parametrize("long_side", [0, 1, 2])
def test_graded_figure(tmp_path, long_side):
    start, end, _ = draw.cell_struts(elementary_lattice(1))
    size = np.ones(3)
    size[long_side] = 3
    nodes = np.vstack([start, end]) * size
    struts = np.arange(len(nodes)).reshape(2, -1).T
    path = tmp_path / "graded.png"
    radii, progress = np.full(len(struts), 0.03), np.linspace(0, 1, len(struts))
    c = pack(isotropic(0.1))
    way = pd.DataFrame(
        {"progress": [0, 1.0], "relative_error": [0, 0.01], "modulus_error_largest": [0, 0.03]}
    )
    way[["x_mm", "y_mm", "z_mm"]], way["at_site"] = [nodes.min(0), nodes.max(0)], [True, False]
    way[COMPONENTS], way[[f"prescribed_{name}" for name in COMPONENTS]] = c, 1.01 * c
    graded.plot(nodes, struts, radii, progress, way, path, ["one", "two"], 1.0, pixels=500)
    check_picture(path)


def test_nothing_is_left_behind_when_a_figure_fails(tmp_path):
    with pytest.raises(KeyError):
        targets.plot(
            ["a"], np.zeros((1, 21)), pd.DataFrame({"nothing": []}), tmp_path / "figure.png"
        )
    assert list(tmp_path.iterdir()) == []


def test_directional_modulus_marks_the_stiff_axis(stiffness):
    n = np.eye(3)
    assert (directional_modulus(stiffness[0], n) <= draw.maximum_modulus(stiffness[0]) * 1.01).all()


def test_scaling_figure_shows_even_what_is_worse_than_the_mean(tmp_path):
    points = [
        (a, n, e, n == 9000)
        for a in ("polar", "direct")
        for n, e in ((100, 0.5), (9000, 0.5), (9000, 1))
    ]
    table = pd.DataFrame(points, columns=["architecture", "designs", "effort", "of_all"])
    for k, network in enumerate(("forward", "inverse")):
        table[f"{network}_min"] = np.linspace(-2, 0.9995, 6)
        table[f"{network}_mean"] = np.linspace(0, 0.9999, 6)
        table[f"{network}_flop"] = table["effort"] * 10.0 ** (13 + k)
    scaling.plot(table, {"forward": 0.98, "inverse": 0.95}, tmp_path / "scaling.png")
    check_picture(tmp_path / "scaling.png")


def test_trend_figure_draws_points_alone_and_points_with_fits(tmp_path):
    compute = np.geomspace(1e12, 1e14, 6)
    table = pd.DataFrame(
        {"architecture": "paper", "forward_flop": compute, "inverse_flop": 5 * compute}
    )
    for network in ("forward", "inverse"):
        table[f"{network}_min"] = 1 - 0.1 * (compute / 1e13) ** -0.3
        table[f"{network}_mean"] = 1 - 0.05 * (compute / 1e13) ** -0.3
    table.loc[3:, [f"inverse_{key}" for key in ("flop", "min", "mean")]] = np.nan
    missing = {key: 1 - table[f"forward_{key}"].to_numpy() for key in ("min", "mean")}
    trends = {
        "forward": {key: fit_trend(compute, values, 0.02, 10) for key, values in missing.items()}
    }
    trends["inverse"] = {key: {"unit": 1e13} for key in missing}
    published = {name: {"r2": 0.98, "flop": 1e16} for name in trends}
    trend.plot(table, trends, published, tmp_path / "trend.png")
    check_picture(tmp_path / "trend.png")
