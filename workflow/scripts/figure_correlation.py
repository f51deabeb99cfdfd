"""Draw predicted against true stiffness on the test designs, forward and inverse (paper, Fig. 2): two PNGs."""

from trussmap.job import job

with job(snakemake):
    import h5py

    from trussmap.figures import correlation

    architecture = snakemake.wildcards.architecture
    with h5py.File(snakemake.input[0]) as file:
        truth, forward, inverse = (file[name][:] for name in ("stiffness", "forward", "inverse_fe"))
    correlation.plot(truth, forward, snakemake.output.forward, title=f"Forward model ({architecture})")
    title = f"Inverse model ({architecture}), verified by FE"
    correlation.plot(truth, inverse, snakemake.output.inverse, title=title)
