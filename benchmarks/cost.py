"""Time and cost of the paper study on clusters of some nodes, by a model fitted to the jobs of a
measured study.

    python benchmarks/cost.py

Measured: seconds of each rule of the default study on two cores (docs/results/laptop.json), of the
data set of 3,000,000 designs (docs/benchmarks.md), and the operations of every training
(docs/results/compute.json). Fitted: operations a second of a training, over the five of the default
study. The other jobs are scaled by what they are asked for more. Jobs go to free cores in the
study's order, a training with two cores or one GPU; a node has four cores and a GPU.
"""

import json
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parents[1] / "docs" / "results"
#: Seconds from a job's submission to the notice of its end, beside its own time: the profile asks
#: every 20 s and more.
WAIT = 40
#: CPU seconds of a shard of 100,000 designs: the table of docs/benchmarks.md, 30 + 110 s for 30 of
#: them.
SHARD, MERGE = 140 / 30, 10
#: How much more the paper study asks of a rule than the default one (studies/paper.yaml over
#: config.yaml).
MORE = {
    "evaluate": 30_000 / 20_000,
    "lookup": 3,  # designs to look among
    "generalize_bone": 10_000 / 2_000,  # draws
    "generalize_unseen": 200 / 40,  # targets with a thorough search
    "paper_protocol": (2_000 + 4) / (20 + 4),  # targets
}
AFTER_POLAR = ["generalize_bone", "generalize_catalogue", "generalize_unseen", "compare_starts"]


def fitted(laptop, flop):
    """Operations a second of a training on two cores, by least relative squares, and how far each
    is off.
    """
    jobs = [(a, name) for a in ("polar", "paper") for name in flop[a] if name != "all"]
    work = np.array([flop[a][name] for a, name in jobs])
    seconds = np.array([laptop["seconds"][f"train_{a}_{name}"] for a, name in jobs])
    inverse = (work / seconds).sum() / ((work / seconds) ** 2).sum()
    return 1 / inverse, {
        f"{a}/{name}": inverse * w / s - 1
        for (a, name), w, s in zip(jobs, work, seconds, strict=True)
    }


def jobs_of(seconds, flop, rate):
    """{job: (seconds, cores, whether it trains, jobs it waits for)} of the paper study, in order."""
    jobs = {
        f"shards_{k}": (SHARD * 2, 4, False, []) for k in range(8)
    }  # four to a job, on four cores at once
    jobs["generate_catalogue"] = (seconds["generate_catalogue"], 1, False, [])
    jobs["merge"] = (MERGE, 1, False, [*jobs])
    for architecture, chain in (
        ("polar", ["forward", "inverse"]),
        ("paper", ["forward_1", "forward_2", "inverse"]),
    ):
        before = "merge"
        for name in chain:
            job = f"{architecture}/{name}"
            jobs[job] = (flop[architecture][name] / rate, 2, True, [before])
            before = job
        for rule in ("evaluate", "paper_protocol"):
            jobs[f"{rule}_{architecture}"] = (MORE[rule] * seconds[rule] / 2, 2, False, [before])
    for rule in AFTER_POLAR:
        jobs[rule] = (
            MORE.get(rule, 1) * seconds[rule],
            2,
            False,
            ["polar/inverse", "generate_catalogue"],
        )
    jobs["lookup"] = (MORE["lookup"] * seconds["lookup"], 2, False, ["merge"])
    jobs["cauchy"] = (seconds["cauchy"], 2, False, AFTER_POLAR[:2])
    jobs["report"] = (60, 1, False, [*jobs])
    return jobs


def scheduled(jobs, nodes, gpus):
    """Hours until the last of the jobs has ended, on nodes of four cores; if ``gpus``, each has one
    for trainings.
    """
    ends, running, waiting, now = {}, [], dict(jobs), 0.0
    free = [[4, 1] for _ in range(nodes)]
    while waiting or running:
        for name, (seconds, cores, trains, after) in [*waiting.items()]:
            need = (2, 1) if trains and gpus else (cores, 0)
            place = next((f for f in free if f[0] >= need[0] and f[1] >= need[1]), None)
            if place is not None and all(ends.get(job, np.inf) <= now for job in after):
                place[0], place[1] = place[0] - need[0], place[1] - need[1]
                ends[name] = now + seconds + WAIT
                running.append((ends[name], place, need))
                del waiting[name]
        running.sort(key=lambda job: job[0])
        now, place, need = running.pop(0)
        place[0], place[1] = place[0] + need[0], place[1] + need[1]
    return now / 3600


if __name__ == "__main__":
    laptop = json.loads((RESULTS / "laptop.json").read_text(encoding="utf-8"))
    flop = json.loads((RESULTS / "compute.json").read_text(encoding="utf-8"))
    rate, off = fitted(laptop, flop["laptop"])
    print(f"a training on two cores: {rate / 1e12:.3f} TFLOP/s; the model is off by", end=" ")
    print(", ".join(f"{100 * error:+.0f} % ({name})" for name, error in off.items()))
    print(
        "| trainings | 1 node | 10 nodes | 100 nodes | core hours | GPU hours "
        "|\n|---|---|---|---|---|---|"
    )
    for what, speed in (
        ("two cores each, as fitted", rate),
        ("a GPU, 10 TFLOP/s", 1e13),
        ("a GPU, 50 TFLOP/s", 5e13),
    ):
        jobs = jobs_of(laptop["seconds"], flop["paper"], speed)
        hours = [scheduled(jobs, nodes, speed != rate) for nodes in (1, 10, 100)]
        cores = sum(seconds * cores for seconds, cores, *_ in jobs.values()) / 3600
        gpu = (
            sum(seconds for seconds, _, trains, _ in jobs.values() if trains) / 3600
            if speed != rate
            else 0
        )
        print(f"| {what} |", *(f"{h:.3g} h |" for h in hours), f"{cores:,.0f} | {gpu:.3g} |")
