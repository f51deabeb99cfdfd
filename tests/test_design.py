import numpy as np
import pytest
from given import bone as bone_targets

from trussmap.crystal.generate import generate_catalogue
from trussmap.lattice import descriptor as d
from trussmap.learning.models import load_networks, pretrained
from trussmap.mechanics.homogenization import homogenize_cells, homogenize_designs
from trussmap.mechanics.homogenization.reference import homogenize_reference
from trussmap.mechanics.solver import Solver
from trussmap.search.design import design_all
from trussmap.search.halving import search
from trussmap.search.lattices import FAMILIES, plain_lattices
from trussmap.search.objective import measured_struts
from trussmap.search.refine import refine_designs, refine_lattices, stiffness_after
from trussmap.search.request import Limits, Request, Search, request_of
from trussmap.search.steps import bounded_step
from trussmap.targets.goal import Goal
from trussmap.tensors.measures import nmse_frobenius
from trussmap.tensors.stiffness import COMPONENTS


@pytest.fixture(scope="module")
def truth():
    designs = d.sample_designs(21, 0, 100)
    return designs, homogenize_designs(designs)


def test_refinement_finds_back_a_design_that_was_moved(truth):
    designs, targets = truth
    moved = designs.copy()
    columns = [0, 1, 2, 3, 16, 17, 18]
    moved[:, columns] *= np.exp(np.random.default_rng(0).normal(0, 0.1, (len(designs), 7)))
    moved[:, 0] = moved[:, 0].clip(*d.DENSITY_RANGE)
    moved[:, columns[1:]] = moved[:, columns[1:]].clip(*d.STRETCH_RANGE)
    before = nmse_frobenius(homogenize_designs(moved), targets)
    refined, stiffness = refine_designs(targets, moved, Solver(), steps=25)
    after = nmse_frobenius(stiffness, targets)
    assert (after <= before).all()
    assert np.median(before) > 1e-3
    assert np.median(after) < 1e-20
    assert np.array_equal(d.design_topology(refined), d.design_topology(designs))
    d.check_designs(refined, "refined")
    # the table is what was verified: its stiffness, computed anew, is the one reported
    assert nmse_frobenius(homogenize_designs(refined), stiffness).max() < 1e-16


def test_the_course_of_a_refinement_is_that_of_its_steps(truth):
    designs, targets = truth[0][::-1].copy(), truth[1]
    course = stiffness_after(targets, designs, [0, 1, 3], Solver())
    for steps, stiffness in zip((0, 1, 3), course, strict=True):
        assert np.array_equal(stiffness, refine_designs(targets, designs, Solver(), steps)[1])
    assert (nmse_frobenius(course[2], targets) < nmse_frobenius(course[0], targets)).any()


def test_search_reaches_unseen_stiffnesses_and_stays_in_range(truth):
    targets = truth[1][:5]
    found = search(Goal(targets), Solver(), "quick", seed=5)
    owner, stiffness = found.target, found.stiffness
    designs = found.lattices.designs
    best = np.full(len(targets), np.inf)
    np.minimum.at(best, owner, nmse_frobenius(stiffness, targets[owner]))
    assert np.median(best) < 1e-3
    assert best.max() < 2e-2
    d.check_designs(designs, "found")
    for target in range(len(targets)):
        assert len(set(d.design_topology(designs[owner == target]))) >= 2
    again = search(Goal(targets), Solver(), "quick", seed=5)
    assert np.array_equal(again.lattices.designs, designs)


def test_random_starts_are_no_designs_of_the_data_set(truth, monkeypatch):
    started = []

    def refine(goal, lattices, *_, **__):
        started.append(lattices.designs)
        return lattices, np.ones((len(lattices.designs), 21))

    monkeypatch.setattr("trussmap.search.halving.refine_lattices", refine)
    search(Goal(truth[1][:1]), Solver(), "quick", seed=21)
    known = d.sample_designs(21, 0, len(started[0]))
    assert not np.isin(started[0][:, d.DENSITY], known[:, d.DENSITY]).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_every_design_has_the_stiffness_that_a_plain_solver_finds(family):
    """For bone, which the free families meet with struts at most ten times as thick as others, and
    crystal networks.
    """
    bone = bone_targets().stiffness
    cells = generate_catalogue(3, 5, threads=1)
    targets = np.concatenate([bone, homogenize_cells([cell.graph for cell in cells], 0.02)])
    topologies = np.arange(0, 197, 8)
    networks = load_networks(pretrained())
    request = Request(family, topologies=topologies)
    batch = design_all(Goal(targets), networks, Solver(), Search(draws=100, seed=3), request)
    table = batch.table
    assert set(table["topology"]) <= set(topologies)
    assert table.groupby("target")["rank"].apply(list).tolist() == [[1, 2]] * len(targets)
    lattices = batch.lattices
    for row, found in enumerate(table.itertuples()):
        graph, target = lattices.graph(row), targets[found.target - 1]
        plain = homogenize_reference(graph, found.relative_density)
        assert nmse_frobenius(plain, table[COMPONENTS].to_numpy()[row]) < 1e-16
        assert nmse_frobenius(plain, target) == pytest.approx(
            found.nmse_frobenius, rel=1e-6, abs=1e-20
        )
        assert (
            d.DENSITY_RANGE[0] * (1 - 1e-9)
            <= found.relative_density
            <= d.DENSITY_RANGE[1] * (1 + 1e-9)
        )
        radii = graph.radii(found.relative_density)
        assert radii.max() / radii.min() <= (1 if family == "published" else 10) * (1 + 1e-9)
        assert (np.abs(lattices.shifts[row]).max(initial=0) > 0) == (family == "geometry")
        if family != "published" and found.target <= len(bone) and found.rank == 1:
            assert found.nmse_frobenius < 1e-12


def test_limits_hold_and_a_wider_ratio_comes_closer(truth):
    """From the same starts: alike struts, then up to twice and three times as thick ones."""
    designs, _ = truth
    targets = bone_targets().stiffness
    goal = Goal(targets[np.arange(40) % 4])
    lattices, errors = plain_lattices(designs[:40], "areas"), []
    for ratio in (1.0, 2.0, 3.0):
        lattices, stiffness = refine_lattices(
            goal, lattices, Solver(), 30, Limits((0.004, 0.06), ratio)
        )
        assert (lattices.designs[:, 0] >= 0.004 - 1e-12).all() and (
            lattices.designs[:, 0] <= 0.06 + 1e-12
        ).all()
        for row in range(5):
            radii = lattices.graph(row).radii(0.01)
            assert radii.max() / radii.min() <= ratio * (1 + 1e-9)
        errors.append(goal.error(stiffness))
    assert (np.diff(errors, axis=0) <= 0).all()
    assert np.median(errors[2] / errors[0]) < 0.7


def test_a_cell_too_small_for_its_struts_says_how_large_it_must_be():
    """The closest there, as thick as asked for, is off; in a cell twice as large as said, both are
    had.
    """
    target = bone_targets().stiffness[2:3]
    networks = load_networks(pretrained())

    def designed(cell_size_mm):
        settings = {"family": "areas", "minimum_strut_mm": 0.3, "topologies": [64, 128]}
        request = request_of(settings, cell_size_mm)
        search = Search(draws=100, keep=2)
        batch = design_all(Goal(target), networks, Solver(), search, request)
        found = batch.table
        diameters = measured_struts(batch.lattices, gap=False)[:, 0] * cell_size_mm
        assert found["topology"].nunique() == len(found) == 2
        assert (diameters >= 0.3 * (1 - 2e-3)).all()
        return found

    small = designed(6.0)
    assert 0.01 < small["relative_error"].min() < 0.3
    assert np.isfinite(small["larger_cell"]).all() and (small["larger_cell"] > 1).all()
    large = designed(6.0 * 2 * small["larger_cell"][0])
    assert large["error"][0] < 1e-10 and large["larger_cell"][0] == 1


def test_steps_keep_their_bounds_and_what_is_free_is_the_least_squares():
    rng = np.random.default_rng(8)
    residual, jacobian = 0.1 * rng.normal(size=(50, 21)), rng.normal(size=(50, 21, 60))
    upper, reach = rng.uniform(0.0, 0.05, (50, 60)), np.full((50, 60), 0.2)
    step = bounded_step(residual, jacobian, np.full(50, 1e-3), -upper, upper, reach)
    assert (np.abs(step) <= upper).all()
    left = residual + (jacobian @ step[:, :, None])[:, :, 0]
    weight = 1e-3 * (jacobian**2).sum(1).max(1)[:, None] / reach**2
    gradient = (left[:, None] @ jacobian)[:, 0] + weight * step
    free = np.abs(step) < upper
    assert 0.5 < free.mean() < 0.95
    # In a few of them the passes end before it is settled what stays at its bound.
    assert (np.abs(np.where(free, gradient, 0)).max(1) < 1e-9).mean() > 0.8
