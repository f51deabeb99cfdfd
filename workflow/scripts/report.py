"""Write the report of the study: one self-contained HTML page with figures, tables and links."""

from trussmap.study.job import job

with job(snakemake):
    import json
    from pathlib import Path

    from trussmap.report import write_report

    output = Path(snakemake.output[0])
    metrics = json.loads(Path(snakemake.input.metrics).read_text(encoding="utf-8"))
    write_report(output.parent, metrics, list(snakemake.input.figures), output)
