from __future__ import annotations

import pytest

from tests.benchmarks.__main__ import main
from tests.benchmarks.arguments import parse


def test_sizes_are_numbers_separated_by_commas_each_once() -> None:
    assert parse(["--tasks", "1, 450,4500,450"]).tasks == [1, 450, 4500]


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        (["--tasks", "many"], "must be numbers from 1 to 100,000, such as 1,450,4500"),
        (["--tasks", "0"], "must be numbers from 1 to 100,000"),
        (["--tasks", "1,,2"], "must be numbers from 1 to 100,000"),
        (["--latency-ms", "-1"], "must be a number from 0 to 60000"),
        (["--latency-ms", "nan"], "must be a number from 0 to 60000"),
        (["--calls", "0"], "must be a whole number from 1 to 1000"),
        (["--repeat", "2.5"], "must be a whole number from 1 to 1000"),
        (["--only", "airflow"], "fastapi"),
        (["--cold", "--against", "HEAD"], "leave --against, --only, --readme out"),
        (["--against", "HEAD", "--only", "fastapi"], "leave --only out, or name a backend of Switchyard"),
    ],
)
def test_a_bad_argument_is_refused_with_what_it_must_be(
    arguments: list[str], cure: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments)
    assert ended.value.code == 2
    assert cure in capsys.readouterr().err


def test_a_revision_that_does_not_exist_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--against", "no-such-revision"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no-such-revision" in line
