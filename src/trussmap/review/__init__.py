"""Whether a finished study holds, and a study for reviewers."""
