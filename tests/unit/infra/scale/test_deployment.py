"""What is deployed is read from the files that deploy it; what cannot be read is named by its line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from infra import tfvars
from infra.errors import StackError
from infra.manifest import PATH
from infra.scale import deployment
from infra.scale.deployment import Feed, Service
from shared.settings import Settings
from tests.terraform.workspace import variables

TERRAFORM = PATH.parent
MANIFEST = json.loads(PATH.read_text())


def test_every_function_and_subscription_of_the_manifest_is_in_the_model() -> None:
    made = deployment.of(MANIFEST, {})
    assert set(made.services) == set(MANIFEST["functions"])
    assert {s["function"] for s in MANIFEST["subscriptions"].values()} == set(made.feeds)
    assert set(made.runs) == set(MANIFEST["intents"])
    told = MANIFEST["functions"]["classify"]
    assert made.services["classify"] == Service("classify", told["instances"], told["requests_per_instance"], 0)
    assert made.feeds["execute-refund-request"] == Feed(10, 600, 100)


def test_what_the_variables_leave_out_is_the_codes_own_default() -> None:
    made, defaults = deployment.of(MANIFEST, {"coalesce": None}), Settings()
    assert (made.calls, made.together) == (defaults.max_concurrent_calls, defaults.coalesce)
    assert (made.requests_a_minute, made.tokens_a_day) == (None, None)


def test_variables_change_the_model() -> None:
    made = deployment.of(
        MANIFEST,
        {
            "coalesce": 1,
            "max_concurrent_calls": 40,
            "min_instances": {"intake": 2},
            "model_limits": {"requests_a_minute": 60, "tokens_a_minute": 1000, "tokens_a_day": 5000},
        },
    )
    assert (made.calls, made.together, made.services["intake"].warm) == (40, 1, 2)
    assert (made.requests_a_minute, made.tokens_a_minute, made.tokens_a_day) == (60, 1000, 5000)


def test_every_variable_that_is_read_is_one_of_terraforms() -> None:
    read = set(re.findall(r'variables\.get\("(\w+)"\)', Path(deployment.__file__).read_text()))
    known = set(re.findall(r'^variable "(\w+)"', variables(), re.MULTILINE))
    assert len(read) == 4
    assert read <= known


@pytest.mark.parametrize("path", sorted(TERRAFORM.glob("*.tfvars")), ids=lambda p: p.stem)
def test_the_files_of_the_environments_can_be_read(path: Path) -> None:
    said = tfvars.read(path)
    assert said["project_id"] == f"switchyard-{path.stem}"
    assert "canary" in said["sources"]
    assert said["model"] == {"location": "global"}


def test_every_kind_of_literal_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.tfvars").write_text(
        'a = "b # \\"c\\"" # "no"\n/* d = 1\n*/ e = [1, -2.5, 1e3, true, null,]\n'
        'f = {\n  g = []\n  "h-i" : { j = "k" },\n}\nl = 3 // m = 4\n'
    )
    assert tfvars.read(tmp_path / "x.tfvars") == {
        "a": 'b # "c"',
        "e": [1, -2.5, 1000.0, True, None],
        "f": {"g": [], "h-i": {"j": "k"}},
        "l": 3,
    }


def test_a_text_of_several_lines_is_read_as_terraform_reads_it(tmp_path: Path) -> None:
    (tmp_path / "x.tfvars").write_text(
        'a = <<EOT\n{"b": [1],\n "c": "# d"}\nEOT\ne = {\n  f = <<-END\n    g\n      h\n    END\n}\n'
    )
    assert tfvars.read(tmp_path / "x.tfvars") == {"a": '{"b": [1],\n "c": "# d"}\n', "e": {"f": "g\n  h\n"}}


@pytest.mark.parametrize(
    ("text", "line", "named"),
    [
        ("a = 1\nb = file(2)", 2, "file"),
        ("a = 1\n\nb = 1 + 2", 3, "+"),
        ("a = [1\n", 2, "the end"),
        ("a 1", 1, "1"),
        ("a = { 1 = 2 }", 1, "1"),
        ('a = "b\n"', 1, '"b'),
        ("a = 1\nb = <<EOT\nc\n", 2, "<<EOT"),
    ],
)
def test_what_is_no_literal_is_named_with_its_line(tmp_path: Path, text: str, line: int, named: str) -> None:
    (tmp_path / "x.tfvars").write_text(text)
    with pytest.raises(StackError, match=f"x.tfvars line {line}: ") as raised:
        tfvars.read(tmp_path / "x.tfvars")
    assert named in str(raised.value)


def test_a_missing_environment_and_a_broken_manifest_are_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"none\.tfvars cannot be read"):
        deployment.load(tmp_path / "none.tfvars")
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(StackError, match="run make manifest"):
        deployment.load(TERRAFORM / "dev.tfvars", tmp_path / "manifest.json")
