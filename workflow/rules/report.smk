# Headline numbers, their audit, and one page with all of it.

# Rules whose times the headline numbers include, and their jobs. A benchmark is a product of its
# rule like any other: named as an input, it is waited for, and where it is missing its rule runs.
SINGLE = [
    *["study", "merge", "lookup", "generalize_bone", "generalize_families"],
    *["generalize_catalogue", "generalize_unseen", "search_bone", "compare_starts"],
    *["cauchy", "front", "grade"],
]
TIMED = {
    **dict.fromkeys(SINGLE, [None]),
    "generate_catalogue": [None] if config["catalogue"]["generated"] else [],
    **dict.fromkeys(["sample", "homogenize"], SHARDS),
    "train": [f"{a}_{network}" for a in ARCHITECTURES for network in NETWORKS[a]],
    **dict.fromkeys(["evaluate", "paper_protocol"], ARCHITECTURES),
}
TARGET_TABLES = [
    f"{RESULTS}/generalize/{targets}/{name}.csv"
    for targets in UNITS
    for name in ["targets", "designs"]
]
PREDICTIONS = [f"{RESULTS}/evaluation/{a}_predictions.h5" for a in ARCHITECTURES]


single_job(
    "metrics",
    "Gathering the headline numbers beside the paper's",
    inputs={
        "dataset": f"{RESULTS}/dataset.h5",
        "homogenization": [timing_of("homogenize", shard) for shard in SHARDS],
        "evaluations": [
            path
            for a in ARCHITECTURES
            for path in [f"{RESULTS}/evaluation/{a}.json", timing_of("evaluate", a)]
        ],
        "lookup": f"{RESULTS}/evaluation/lookup.json",
        "bone": f"{RESULTS}/generalize/bone/summary.json",
        "search": f"{RESULTS}/generalize/bone/search.json",
        "catalogue": f"{RESULTS}/generalize/catalogue/summary.json",
        "unseen": rules.generalize_unseen.output,
        "starts": f"{RESULTS}/generalize/starts.json",
        "protocol": [f"{RESULTS}/generalize/protocol/{a}.json" for a in ARCHITECTURES],
        "cauchy": f"{RESULTS}/cauchy/summary.json",
        "front": f"{RESULTS}/front/summary.json",
        "grading": f"{RESULTS}/grading/summary.json",
        "benchmarks": [benchmark_of(rule, job) for rule, jobs in TIMED.items() for job in jobs],
        "paper": PROJECT / "resources/paper_metrics.yaml",
    },
    outputs={"metrics": f"{RESULTS}/metrics.json"},
    resources=SMALL,
)
single_job(
    "audit",
    "Checking files, designs, networks and numbers again",
    inputs={
        "metrics": f"{RESULTS}/metrics.json",
        "study": f"{RESULTS}/study.json",
        "moments": f"{RESULTS}/moments.csv",
        "dataset": f"{RESULTS}/dataset.h5",
        "models": [models(architecture) for architecture in ARCHITECTURES],
        "predictions": PREDICTIONS,
        "tables": [
            *TARGET_TABLES,
            f"{RESULTS}/generalize/catalogue/cells.csv",
            f"{RESULTS}/generalize/bone/search.csv",
            f"{RESULTS}/generalize/starts.csv",
            rules.cauchy.output,
        ],
    },
    outputs={"audit": f"{RESULTS}/audit.json"},
    params={"sample": config["audit"]["sample"], "seed": config["seed"]},
    architectures=ARCHITECTURES,
    cores=1,
)
single_job(
    "report",
    "Writing the report",
    inputs={
        "audit": f"{RESULTS}/audit.json",
        "study": f"{RESULTS}/study.json",
        "moments": f"{RESULTS}/moments.csv",
        "metrics": f"{RESULTS}/metrics.json",
        "figures": PICTURES,
        # The live parts and the tables of bone are drawn from these.
        "targets": TARGET_TABLES,
        "families": rules.generalize_families.output.designs,
        "predictions": PREDICTIONS,
        "grading": [f"{RESULTS}/grading/{f}" for f in ["nodes.csv", "struts.csv", "summary.json"]],
    },
    outputs={"page": f"{RESULTS}/report.html"},
    architectures=NETWORKS,
    cores=1,
)
