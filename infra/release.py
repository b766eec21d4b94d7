"""`python -m infra.release ENV`: bundles in, an image of each Cloud Run service out, and the variables that name them.

An image's tag is the hash of what it is made of: what did not change is not built again, and keeps its digest. The
variables also name the revisions that serve now, so that an apply leaves all traffic where it is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from infra import traffic
from infra.environment import DeployError, Environment, environment
from infra.finding import ask
from infra.programs import ROOT, ProgramError, run

DOCKERFILE, BUILD = ROOT / "infra/Dockerfile", ROOT / "infra/image.yaml"
REPOSITORY = BUILDER = "services"  # of images; the account that builds them


def main() -> int:
    """Write `dist/<ENV>.release.tfvars.json`; exit status 0 only if every image is there."""
    parser = argparse.ArgumentParser(prog="python -m infra.release", description=__doc__)
    parser.add_argument("environment", metavar="ENV", help="of terraform/<ENV>.tfvars")
    try:
        release(environment(parser.parse_args().environment))
    except (DeployError, ProgramError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def release(here: Environment) -> None:
    """Build what is not built yet, and write the variables.

    Raises:
        DeployError: a bundle is missing, or the registry does not say what was built.
        ProgramError: gcloud failed.
    """
    images = {name: _image(here, name, target) for name, target in traffic.services().items()}
    serving = {name: now.serving for name, now in traffic.look(here).items()}
    here.release.write_text(json.dumps({"images": images, "serving": serving}, indent=2, sort_keys=True) + "\n")
    for name, image in sorted(images.items()):
        print(f"{image}; {serving.get(name, 'nothing')} serves")


def builder(here: Environment) -> str:
    """Return the address of the account that builds images."""
    return f"build-{BUILDER}@{here.project}.iam.gserviceaccount.com"


def _image(here: Environment, name: str, target: str) -> str:
    """Return the service's image by digest, built if nobody has built it before."""
    bundle = ROOT / "dist" / f"{name}.zip"
    if not bundle.is_file():
        raise DeployError(f"dist/{name}.zip is missing: run make bundle")
    made_of = [part.read_bytes() for part in (bundle, DOCKERFILE, BUILD)]
    tag = hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in made_of)).hexdigest()[:32]
    repository = f"{here.region}-docker.pkg.dev/{here.project}/{REPOSITORY}/{name}"
    if not (digest := _digest(f"{repository}:{tag}")):
        _build(here, bundle, f"{repository}:{tag}", target)
        digest = _digest(f"{repository}:{tag}")
    if not digest:
        raise DeployError(f"{repository}:{tag} was built, and the registry does not know of it")
    return f"{repository}@{digest}"


def _digest(image: str) -> str:
    """Return the digest of an image; empty where there is none."""
    described = ("artifacts", "docker", "images", "describe", image, "--format=value(image_summary.digest)")
    return ask("gcloud", *described) or ""


def _build(here: Environment, bundle: Path, image: str, target: str) -> None:
    """Have Cloud Build make the image, as an account that can do nothing else."""
    with TemporaryDirectory() as folder:
        with zipfile.ZipFile(bundle) as files:
            files.extractall(folder)
        shutil.copy(DOCKERFILE, folder)
        run(
            *("gcloud", "builds", "submit", folder, f"--config={BUILD}", *here.place, "--suppress-logs"),
            f"--substitutions=_IMAGE={image},_TARGET={target}",
            f"--service-account=projects/{here.project}/serviceAccounts/{builder(here)}",
            f"--gcs-source-staging-dir=gs://{here.state_bucket}/builds",
        )


if __name__ == "__main__":
    sys.exit(main())
