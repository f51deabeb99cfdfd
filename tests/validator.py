"""Validate crates (Workflow Run Crate 0.5 and below) at the required level: python
tests/validator.py CRATE…

Needs roc-validator. The context, which it would fetch, is that of RO-Crate 1.3 that the package
rocrate carries: it has the terms of 1.1, of which those of Bioschemas have moved since.
"""

import sys
from pathlib import Path
from unittest import mock

import requests
import rocrate
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

CONTEXT = (Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_bytes()
CONTEXT = CONTEXT.replace(b"https://bioschemas.org/terms/", b"https://bioschemas.org/")


def fetched(_, url, **how):
    if str(url) != "https://w3id.org/ro/crate/1.1/context":
        raise requests.ConnectionError(f"{url}: the validator asks for more than the context")
    answer = requests.Response()
    answer.status_code, answer.url, answer._content = 200, url, CONTEXT
    answer.headers["Content-Type"] = "application/ld+json"
    return answer


def issues(crate):
    settings = {
        "rocrate_uri": crate,
        "profile_identifier": "workflow-run-crate",
        "abort_on_first": False,
    }
    settings |= {"requirement_severity": models.Severity.REQUIRED, "skip_availability_check": True}
    with mock.patch.object(HttpRequester, "get", fetched, create=True):
        result = services.validate(settings)
    print(
        f"{crate}: {len(list(result.executed_checks))} checks, {len(result.get_issues())} issues",
        flush=True,
    )
    return [f"{issue.check.identifier}: {issue.message}" for issue in result.get_issues()]


if __name__ == "__main__":
    found = [text for crate in sys.argv[1:] for text in issues(crate)]
    sys.exit("\n".join(found))
