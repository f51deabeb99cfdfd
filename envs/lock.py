"""Print the lock: every package that pyproject.toml needs, with the version that this environment
has.

`make lock` runs it in a fresh environment. Packages that torch pins itself, and only on some machines (its CUDA
libraries), are left to torch.
"""

import re
import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
LEFT_TO_TORCH = re.compile(r"nvidia|cuda|triton")


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared():
    """The requirements of pyproject.toml: to run, for the study, to develop, and to build."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    return [
        *project["project"]["dependencies"],
        *(line for extra in project["project"]["optional-dependencies"].values() for line in extra),
        *project["build-system"]["requires"],
    ]


def closure():
    """Versions by name of everything that the declared requirements lead to, as installed here."""
    todo, seen, versions = [Requirement(r) for r in declared()], set(), {}
    while todo:
        requirement = todo.pop()
        name = normalized(requirement.name)
        if (name, *requirement.extras) in seen or LEFT_TO_TORCH.match(name):
            continue
        seen.add((name, *requirement.extras))
        package = distribution(requirement.name)
        versions[name] = package.version.split("+")[0]
        for text in package.requires or []:
            needed = Requirement(text)
            extras = {"", *requirement.extras}
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
                todo.append(needed)
    return versions


if __name__ == "__main__":
    print(
        "# Every package of the environment, tools for tests and style included. Made by `make "
        "lock`."
    )
    for name, version in sorted(closure().items()):
        print(f"{name}=={version}")
