"""Draw predicted over true and achieved over target stiffness on test designs (paper, Fig. 2, SI
Figs. S3, S4): PNGs.

The inverse model's designs are judged by finite elements, and once more by the forward model as in
the paper.
"""

from trussmap.study.job import job

with job(snakemake):
    from trussmap.base import hdf5
    from trussmap.figures import correlation
    from trussmap.learning.registry import architectures

    label = architectures()[snakemake.wildcards.architecture].label
    with hdf5.open_checked(snakemake.input[0], "table of predictions") as file:
        arrays = {
            name: file[name][:]
            for name in ("stiffness", "forward", "inverse_fe", "inverse_surrogate")
        }
    truth = arrays["stiffness"]
    out = snakemake.output
    correlation.plot(truth, arrays["forward"], out.forward, f"Forward model ({label})")
    for name, judge in (
        ("inverse_fe", "finite elements"),
        ("inverse_surrogate", "the forward model"),
    ):
        title = f"Inverse model ({label}), judged by {judge}"
        words = ("target", "achieved")
        correlation.plot(truth, arrays[name], out[name], title, words)
