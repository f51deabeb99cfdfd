"""How close to bone lattices come whose struts a printer can make: docs/results/printable.json.

    python benchmarks/printable.py > docs/results/printable.json

Of each specimen, family and cell size the best lattice by `trussmap.search.design.design`,
quick search, with struts of 0.3 mm at least, and the cell that would have both, as it says.
"""

import json

from trussmap.learning.study import load_models
from trussmap.mechanics.solver import Solver
from trussmap.search.design import design_all
from trussmap.search.lattices import FAMILIES
from trussmap.search.objective import measured_struts
from trussmap.search.request import Search, request_of
from trussmap.targets.reading import read_all_targets
from trussmap.tensors.material import Material

STRUT_MM, CELLS_MM = 0.3, (6.0, 12.0)

if __name__ == "__main__":
    material = Material(114.0)
    targets = read_all_targets("resources/bone_targets_gpa.csv", material)
    networks = load_models(None).networks
    names = targets.names
    tree = {"minimum_strut_mm": STRUT_MM, "cell_size_mm": CELLS_MM, "specimens": names}
    for family in FAMILIES[1:]:
        rows = tree[family] = []
        for cell in CELLS_MM:
            request = request_of({"family": family, "minimum_strut_mm": STRUT_MM}, cell)
            batch = design_all(targets.goal, networks, Solver(material), Search(keep=1), request)
            table = batch.table
            rows.append(
                {
                    "relative_error": table["relative_error"].tolist(),
                    "modulus_error_median": table["modulus_error_median"].tolist(),
                    "relative_density": table["relative_density"].tolist(),
                    "thinnest_mm": (measured_struts(batch.lattices, False)[:, 0] * cell).tolist(),
                    "cell_that_would_do_mm": (table["larger_cell"] * cell).tolist(),
                }
            )
    print(json.dumps(tree, indent=1))
