"""Draw topologies at random and copy the data set without their training and validation designs.

Outputs: the data set, and the topologies (CSV: ``topology``, and the lattice types and
tessellations that make it).
"""

from trussmap.study.job import job

with job(snakemake):
    import numpy as np
    import pandas as pd

    from trussmap.base.io import write_csv
    from trussmap.data.dataset import copy_without
    from trussmap.lattice.compound import topology_members
    from trussmap.lattice.descriptor import DESIGN_COLUMNS, REPS, TYPES
    from trussmap.study.holdout import held_out_topologies

    p = snakemake.params
    out = snakemake.output
    topologies = held_out_topologies(p.topologies, p.seed)
    copy_without(snakemake.input[0], out.dataset, topologies, p.source)
    table = pd.DataFrame({"topology": topologies})
    table[DESIGN_COLUMNS[TYPES] + DESIGN_COLUMNS[REPS]] = np.hstack(topology_members())[topologies]
    write_csv(table, out.topologies)
