#!/usr/bin/env bash
# Snakemake runs this inside a new conda environment, from the folder of the checkout.
set -euo pipefail
python -m pip install --no-deps --no-build-isolation --editable .
