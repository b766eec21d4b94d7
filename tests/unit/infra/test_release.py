"""Images of the services, and who serves meanwhile: a stand-in for gcloud on PATH is the registry and records calls."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
REGISTRY = "europe-west4-docker.pkg.dev/example-dev/services"
PLACE = "--project=example-dev --region=europe-west4"
FUNCTIONS = {
    "intake": {"target": "take", "trigger": "http"},
    "console": {"target": "console", "trigger": "http"},
    "classify": {"target": "classify", "trigger": "push"},
}
# The digest of what was built follows from its name; what lies in the folder that is submitted is written down.
GCLOUD = """#!{python} -IS
import hashlib, json, os, sys
from pathlib import Path
folder, words = Path({folder!r}), sys.argv[1:]
(folder / "calls").open("a").write(" ".join(words) + "\\n")
built = folder / "built"
if words[:2] == ["builds", "submit"]:
    image = next(w for w in words if w.startswith("--substitutions=")).partition("_IMAGE=")[2].partition(",")[0]
    if {works!r}:
        built.open("a").write(image + "\\n")
    (folder / "context").write_text(json.dumps(sorted(os.listdir(words[2]))))
if words[0] == "artifacts":
    if not built.exists() or words[4] not in built.read_text().split():
        sys.exit(1)
    print("sha256:" + hashlib.sha256(words[4].encode()).hexdigest())
if words[:3] == ["run", "services", "list"]:
    print((folder / "listed").read_text(), end="")
"""


class Laptop:
    """A repository with bundles, and a registry that is empty at first."""

    def __init__(self, folder: Path, *, works: bool = True) -> None:
        self.folder, self.root = folder, folder / "repository"
        self.write("terraform/dev.tfvars", 'project_id = "example-dev"\nregion = "europe-west4"\n')
        self.write("terraform/manifest.json", json.dumps({"functions": FUNCTIONS}))
        modules = ("__init__", "environment", "errors", "finding", "programs", "release", "tfvars", "traffic")
        for name in (*(f"{module}.py" for module in modules), "Dockerfile", "image.yaml"):
            shutil.copy(ROOT / "infra" / name, self.within("infra") / name)
        self.bundle("intake", "first")
        self.bundle("console", "first")
        self.lists()
        program = self.within("bin") / "gcloud"
        program.write_text(GCLOUD.format(python=sys.executable, folder=str(folder), works=works))
        program.chmod(0o755)

    def within(self, name: str) -> Path:
        (self.root / name).mkdir(parents=True, exist_ok=True)
        return self.root / name

    def write(self, path: str, text: str) -> None:
        (self.within(str(Path(path).parent)) / Path(path).name).write_text(text)

    def bundle(self, name: str, content: str) -> None:
        with zipfile.ZipFile(self.within("dist") / f"{name}.zip", "w") as files:
            files.writestr(zipfile.ZipInfo("main.py", (1980, 1, 1, 0, 0, 0)), content)

    def lists(self, *services: dict[str, Any]) -> None:
        (self.folder / "listed").write_text(json.dumps(services))

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a module of infra; return its exit status and what it said on standard error."""
        (self.folder / "calls").write_text("")
        done = subprocess.run(
            [sys.executable, "-S", "-m", *arguments],
            cwd=self.folder,
            env={"PATH": str(self.root / "bin"), "PYTHONPATH": str(self.root)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stderr.strip()

    def calls(self, words: str) -> list[str]:
        """Return the calls of gcloud in the last run that begin so."""
        return [call for call in (self.folder / "calls").read_text().splitlines() if call.startswith(words)]

    @property
    def released(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "dist/dev.release.tfvars.json").read_text())
        return found


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path)


def service(name: str, *targets: tuple[str, int, str]) -> dict[str, Any]:
    """Return a service as gcloud lists it: revision, per cent and tag of each target."""
    traffic = [{"revisionName": r, "percent": p, "tag": t, "url": f"https://{t}---{name}.test"} for r, p, t in targets]
    return {"metadata": {"name": name}, "status": {"latestReadyRevisionName": targets[-1][0], "traffic": traffic}}


def test_each_service_gets_an_image_of_its_bundle_named_by_digest(laptop: Laptop) -> None:
    assert laptop.run("infra.release", "dev") == (0, "")
    builds = laptop.calls("builds submit")
    assert {call.rpartition("_TARGET=")[2].split()[0] for call in builds} == {"take", "console"}
    for call in builds:
        assert f"{PLACE} " in call
        assert "serviceAccounts/build-services@example-dev.iam.gserviceaccount.com" in call
        assert "--gcs-source-staging-dir=gs://example-dev-tfstate/builds" in call
    assert json.loads((laptop.folder / "context").read_text()) == ["Dockerfile", "main.py"]
    images = laptop.released["images"]
    assert {image.partition("@sha256:")[0] for image in images.values()} == {f"{REGISTRY}/{name}" for name in images}
    assert images.keys() == {"console", "intake"}
    assert laptop.released["serving"] == {}  # nothing is there yet: the first revision serves at once


def test_what_did_not_change_is_not_built_again(laptop: Laptop) -> None:
    laptop.run("infra.release", "dev")
    first = laptop.released["images"]
    laptop.bundle("intake", "second")
    laptop.run("infra.release", "dev")
    [build] = laptop.calls("builds submit")
    assert f"_IMAGE={REGISTRY}/intake:" in build
    assert laptop.released["images"]["console"] == first["console"]
    assert laptop.released["images"]["intake"] != first["intake"]


def test_a_newer_base_is_a_newer_image_of_everything(laptop: Laptop) -> None:
    laptop.run("infra.release", "dev")
    laptop.write("infra/Dockerfile", (laptop.root / "infra/Dockerfile").read_text() + "# newer\n")
    laptop.run("infra.release", "dev")
    assert len(laptop.calls("builds submit")) == 2


def test_what_serves_keeps_its_traffic_also_where_it_is_split(laptop: Laptop) -> None:
    split = service("intake", ("intake-7", 90, "last"), ("intake-8", 10, "next"))
    laptop.lists(split, service("classify", ("classify-1", 100, "x")))
    laptop.run("infra.release", "dev")
    assert laptop.released["serving"] == {"intake": "intake-7"}


def test_a_missing_bundle_is_named(laptop: Laptop) -> None:
    (laptop.root / "dist/intake.zip").unlink()
    assert laptop.run("infra.release", "dev") == (1, "release: dist/intake.zip is missing: run make bundle")


def test_an_image_that_the_registry_does_not_know_is_no_release(tmp_path: Path) -> None:
    status, said = Laptop(tmp_path, works=False).run("infra.release", "dev")
    assert status == 1
    assert said.endswith("was built, and the registry does not know of it")


def test_traffic_goes_back_to_what_served_before(laptop: Laptop) -> None:
    console = service("console", ("console-1", 100, "next"))
    laptop.lists(service("intake", ("intake-7", 0, "last"), ("intake-8", 100, "next")), console)
    assert laptop.run("infra.traffic", "dev", "back") == (0, "")
    back = f"run services update-traffic intake --to-tags=last=100 {PLACE} --format=none"
    assert laptop.calls("run services update") == [back]
    assert laptop.run("infra.traffic", "dev", "back", "console")[0] == 1  # it has served all the time
