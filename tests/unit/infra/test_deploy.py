"""In which order a deployment calls its programs, and when it stops: stand-ins on PATH record every call."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.unit.infra.deploying import (
    APPLY,
    BACK,
    BEFORE,
    INIT,
    LOGGED,
    MAY_SIGN,
    NEW,
    NOW,
    OLD,
    OUTPUTS,
    PLAN,
    ROBOT,
    SECRET,
    SERVICES,
    SMOKE,
    SMOKE_PUBLIC,
    Laptop,
    moved,
    outputs,
    services,
)


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    return Laptop(tmp_path)


def logged(name: str) -> list[str]:
    """Return how the log is asked whether the new revision failed a request."""
    fields = "--limit=1 --format=value(httpRequest.status) --freshness=60s --project=example-dev"
    return [f'{LOGGED}"{NEW[name]}" httpRequest.status>=500 {fields}']


def test_a_deployment_checks_bundles_plans_asks_applies_tests_and_moves_the_traffic(laptop: Laptop) -> None:
    assert laptop.deploy("dev", typed="dev\n") == (0, "")
    assert laptop.calls == [
        INIT,
        "make doctor ENV=dev FOR=deploy",
        "make check",
        "make bundle",
        "make release ENV=dev",
        INIT,
        PLAN,
        INIT,
        OUTPUTS,
        SECRET,
        SERVICES,
        APPLY,
        OUTPUTS,
        SERVICES,
        SMOKE,
        SERVICES,
        moved("console", "next", 100),
        *logged("console"),
        moved("intake", "next", 10),
        *logged("intake"),
        moved("intake", "next", 100),
        *logged("intake"),
    ]
    assert laptop.smoke == "0123456789abcdefexample-dev"


@pytest.mark.parametrize("typed", ["", "\n", "yes\n", "prod\n"])
def test_nothing_is_applied_unless_the_environment_is_typed(laptop: Laptop, typed: str) -> None:
    assert laptop.deploy("dev", typed=typed) == (1, "deploy: nothing was applied")
    assert laptop.calls[-1] == PLAN


@pytest.mark.parametrize("failing", ["make doctor", "make check", "make bundle", "make release", INIT, PLAN])
def test_what_fails_stops_the_deployment(laptop: Laptop, failing: str) -> None:
    laptop.answers = {failing: [None]} | laptop.answers
    status, said = laptop.deploy("dev", typed="dev\n")
    assert status == 1
    assert re.fullmatch(r"deploy: (make|terraform) .* failed \(status 1\)", said)
    assert laptop.calls[-1].startswith(failing)


def test_a_failed_smoke_test_takes_the_bundles_back(laptop: Laptop) -> None:
    laptop.answers = {SMOKE: [None]} | laptop.answers
    status, said = laptop.deploy("dev", "apply")
    assert status == 1
    assert said.splitlines()[-1] == "deploy: rolled back; the earlier bundles work"
    assert [c.partition("{")[0] for c in laptop.calls] == [
        INIT,
        OUTPUTS,
        SECRET,
        SERVICES,
        APPLY,
        OUTPUTS,
        SERVICES,
        SMOKE,
        BACK,
        OUTPUTS,
        SMOKE_PUBLIC,
    ]
    # What is new has no earlier bundle, what was removed no place for one, and what is unchanged needs none.
    taken_back = json.loads(laptop.calls[8].removeprefix(BACK))
    assert taken_back == {"intake-events": "a" * 64, "classify": "b" * 64}


def test_a_new_revision_that_fails_requests_loses_its_traffic_and_the_release_goes_back(laptop: Laptop) -> None:
    laptop.answers = {f'{LOGGED}"{NEW["intake"]}"': ["", "500\n"]} | laptop.answers
    status, said = laptop.deploy("dev", "apply")
    assert status == 1
    assert said.splitlines()[-2] == "deploy: intake-00008-b answered 500; rolling back classify, intake-events"
    traffic = [call for call in laptop.calls if "update-traffic" in call]
    assert traffic == [
        moved("console", "next", 100),
        moved("intake", "next", 10),
        moved("intake", "next", 100),
        moved("console", "last", 100),
        moved("intake", "last", 100),
    ]
    assert laptop.calls[-1] == SMOKE_PUBLIC


def test_traffic_that_cannot_be_moved_on_goes_back(laptop: Laptop) -> None:
    laptop.answers = {moved("intake", "next", 100): [None]} | laptop.answers
    status, said = laptop.deploy("dev", "apply")
    assert status == 1
    assert "update-traffic failed (status 1); rolling back classify, intake-events" in said
    assert moved("intake", "last", 100) in laptop.calls


def test_traffic_that_cannot_go_back_is_somebodys_to_move(laptop: Laptop) -> None:
    laptop.answers = {moved("console", "last", 100): [None], f'{LOGGED}"{NEW["intake"]}"': ["500\n"]} | laptop.answers
    status, said = laptop.deploy("dev", "apply")
    assert status == 1
    assert "intake-00008-b answered 500, and its traffic could not be moved back (make rollback ENV=dev)" in said


def test_what_serves_already_is_left_alone(laptop: Laptop) -> None:
    laptop.answers[SERVICES] = [services(OLD, OLD)]
    assert laptop.deploy("dev", "apply")[0] == 0
    assert laptop.calls[-1] == SERVICES


def test_traffic_that_was_moved_since_the_plan_is_not_taken_away(laptop: Laptop) -> None:
    laptop.answers[SERVICES] = [services(OLD | {"intake": "intake-00006-z"}, OLD)]
    status, said = laptop.deploy("dev", "apply")
    assert (status, said) == (1, "deploy: the traffic was moved since the plan was made: plan again")
    assert APPLY not in laptop.calls


def test_a_rollback_that_does_not_help_says_so(laptop: Laptop) -> None:
    laptop.answers = {"make smoke": [None]} | laptop.answers
    status, said = laptop.deploy("dev", "apply")
    assert (status, said.splitlines()[-1]) == (
        1,
        "deploy: rolled back; the earlier bundles fail the smoke test as well",
    )


def test_the_first_deployment_has_nothing_to_roll_back_to(laptop: Laptop) -> None:
    laptop.answers = {SMOKE: [None]} | laptop.answers | {OUTPUTS: ["{}", outputs(NOW)]}
    status, said = laptop.deploy("dev", "apply")
    assert status == 1
    assert "there is no earlier bundle" in said
    # Grants of minutes ago may not be known everywhere yet.
    assert laptop.calls[-1] == f"{SMOKE} TIMEOUT_S=900"


def test_the_consoles_new_revision_is_asked_for_the_canary_before_people_get_it(laptop: Laptop) -> None:
    laptop.answers = {MAY_SIGN: ["token"]} | laptop.answers | {OUTPUTS: [outputs(BEFORE, ROBOT), outputs(NOW, ROBOT)]}
    assert laptop.deploy("dev", "apply") == (0, "")
    assert f"{SMOKE} CONSOLE=https://next---console.example.com" in laptop.calls
    assert laptop.smoke == f"0123456789abcdefexample-dev{ROBOT}"


def test_whom_the_proxy_was_told_of_just_now_it_may_not_know_for_minutes(laptop: Laptop) -> None:
    laptop.answers[OUTPUTS] = [outputs(BEFORE), outputs(NOW, ROBOT)]
    assert laptop.deploy("dev", "apply") == (0, "")
    assert f"{SMOKE} CONSOLE=https://next---console.example.com TIMEOUT_S=900" in laptop.calls


def test_who_may_not_ask_the_console_changes_nothing(laptop: Laptop) -> None:
    laptop.answers = {MAY_SIGN: [None]} | laptop.answers | {OUTPUTS: [outputs(BEFORE, ROBOT)]}
    assert laptop.deploy("dev", "apply")[0] == 1
    assert APPLY not in laptop.calls


def test_where_no_bundle_changed_there_is_nothing_to_roll_back(laptop: Laptop) -> None:
    laptop.answers = {SMOKE: [None]} | laptop.answers | {OUTPUTS: [outputs(BEFORE)]}
    status, said = laptop.deploy("dev", "apply")
    assert status == 1
    assert "there is no earlier bundle" in said


def test_an_apply_that_stopped_half_way_is_tested_and_stays_where_the_canary_comes_through(laptop: Laptop) -> None:
    laptop.answers = {APPLY: [None]} | laptop.answers
    status, said = laptop.deploy("dev", "apply")
    assert status == 1
    assert said.splitlines()[-1] == (
        "deploy: terraform apply -input=false failed (status 1); the canary came through what is there: "
        "mend it, then plan and apply again"
    )
    assert laptop.calls[-1] == SMOKE


def test_an_apply_that_left_versions_mixed_takes_every_bundle_back(laptop: Laptop) -> None:
    """What its outputs say of the bundles may not be what is there."""
    laptop.answers = {APPLY: [None], SMOKE: [None]} | laptop.answers
    status, said = laptop.deploy("dev", "apply")
    assert (status, said.splitlines()[-1]) == (1, "deploy: rolled back; the earlier bundles work")
    [back] = [call for call in laptop.calls if call.startswith(BACK)]
    assert json.loads(back.removeprefix(BACK)) == {"intake-events": "a" * 64, "classify": "b" * 64, "sweep": "d" * 64}


def test_a_first_apply_that_failed_is_neither_tested_nor_taken_back(laptop: Laptop) -> None:
    laptop.answers = {APPLY: [None]} | laptop.answers | {OUTPUTS: ["{}"]}
    status, said = laptop.deploy("dev", "apply")
    assert status == 1
    assert said.endswith("mend it, then plan and apply again: what is there stays")
    assert laptop.calls[-1] == APPLY


def test_no_environment_finds_what_another_was_initialised_with(laptop: Laptop) -> None:
    (laptop.root / "terraform/prod.tfvars").write_text('project_id = "example-prod"\n')
    for name in ("dev", "prod"):
        assert laptop.deploy(name, "plan")[0] == 0
    where = (laptop.folder / "data_dirs").read_text().split()
    assert where == ["./terraform/.terraform/dev"] * 2 + ["./terraform/.terraform/prod"] * 2


@pytest.mark.parametrize("phase", ["plan", "apply"])
def test_where_hashes_are_kept_no_other_providers_are_taken(laptop: Laptop, phase: str) -> None:
    (laptop.root / "terraform/.terraform.lock.hcl").write_text("")
    assert laptop.deploy("dev", phase)[0] == 0
    assert "-lockfile=readonly" in laptop.calls[0]


def test_without_the_canarys_secret_nothing_is_changed(laptop: Laptop) -> None:
    laptop.answers[SECRET] = [None]
    assert laptop.deploy("dev", "apply")[0] == 1
    assert APPLY not in laptop.calls


def test_the_pipelines_phases_take_secret_and_state_from_the_environment(laptop: Laptop) -> None:
    assert laptop.deploy("dev", "plan", STATE_BUCKET="ours")[0] == 0
    assert laptop.calls == [INIT.replace("example-dev-tfstate", "ours"), PLAN]
    assert laptop.deploy("dev", "apply", CANARY_WEBHOOK_SECRET="fedcba9876543210")[0] == 0
    assert SECRET not in laptop.calls
    assert laptop.smoke == "fedcba9876543210example-dev"


def test_another_terraform_may_be_named(laptop: Laptop) -> None:
    (laptop.programs / "terraform").rename(laptop.folder / "offline-terraform")
    assert laptop.deploy("dev", "plan", TERRAFORM=str(laptop.folder / "offline-terraform"))[0] == 0
    assert laptop.calls[-1] == PLAN


def test_a_missing_program_is_one_line(laptop: Laptop) -> None:
    (laptop.programs / "terraform").unlink()
    status, said = laptop.deploy("dev", "plan")
    assert (status, said) == (1, "deploy: terraform is not installed; `make doctor` says how to get it")


def test_an_unknown_environment_is_one_line(laptop: Laptop) -> None:
    assert laptop.deploy("staging") == (1, "deploy: terraform/staging.tfvars is missing; there are dev")
