"""What is pinned with the day of its publication, and how old it is by now; `python -m infra.pins` asks all of it.

Exit status 1 if something is too old to deploy with. Tests do not ask: what they are about does not age.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from infra.finding import ROOT, Finding

OLDEST = timedelta(days=300)
PINNED = {
    # Google deletes an image a year after it was published.
    "infra/cloudbuild.yaml": ("google-cloud-cli", r"google-cloud-cli (\S+) is of (\S+)\."),
    # Nobody patches an image after it was built.
    "infra/Dockerfile": ("python, the image", r"python:(\S+)-slim-trixie is of (\S+)\."),
    "terraform/versions.tf": ("Terraform's provider google", r'version = "(7\S+)" # of (\S+);'),
}


def pins(today: date) -> Iterator[Finding]:
    """Say of everything that is pinned how old it is.

    Raises:
        ValueError: where it should say so, a file does not tell a version and a day.
    """
    for path, (name, pattern) in PINNED.items():
        found = re.search(pattern, (ROOT / path).read_text(encoding="utf-8"))
        if found is None:
            raise ValueError(f"{path} does not say which version of {name} it has, and of which day")
        age = today - date.fromisoformat(found[2])
        problem = f"more than {OLDEST.days}: the pipeline stops" if age >= OLDEST else ""
        yield Finding(f"{name} {found[1]}, {age.days} days old", problem, f"take a newer one in {path}", required=False)


def today() -> date:
    """Return the day that ages are counted to."""
    return datetime.now(UTC).date()


def main() -> int:
    """Print what is too old."""
    old = [finding for finding in pins(today()) if finding.problem]
    for finding in old:
        print(f"{finding.what}: {finding.problem}; {finding.fix}, and say its day", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
