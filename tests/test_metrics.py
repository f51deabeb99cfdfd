"""What the headline numbers are gathered from."""

from trussmap.study.metrics import rule_seconds


def test_seconds_are_those_of_the_named_jobs(tmp_path):
    for job, seconds in {
        "sample/0000": 1.5,
        "sample/0001": 2.0,
        "train/polar_forward": 9.0,
        "other/job": 4.0,
    }.items():
        path = tmp_path / f"{job}.tsv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:01\t10.0\n")
    named = [tmp_path / "train/polar_forward.tsv", *sorted((tmp_path / "sample").iterdir())]
    assert rule_seconds(named) == {"sample": 3.5, "train_polar_forward": 9.0}
