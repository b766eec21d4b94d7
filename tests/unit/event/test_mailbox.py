"""When two addresses are one, when they only look alike, and what they are counted by."""

from __future__ import annotations

import pytest

from shared.event.mailbox import address, mailbox, same_address

KELVIN = "\N{KELVIN SIGN}"


@pytest.mark.parametrize(
    "written",
    [
        "kim@example.com",
        "Kim@Example.COM",
        " kim@example.com ",
        "<kim@example.com>",
        "< Kim@example.com >",
        "kim@example.com.",
    ],
)
def test_address_is_one_however_it_is_written(written: str) -> None:
    assert address(written) == "kim@example.com"
    assert same_address(written, "kim@example.com")


@pytest.mark.parametrize(
    "other",
    [
        "kim@example.org",
        "kimm@example.com",
        "kim@sub.example.com",
        "kim+shop@example.com",
        f"{KELVIN}im@example.com",
        "k\N{LATIN SMALL LETTER DOTLESS I}m@example.com",
        "kim.@example.com",
        "kim@example.com>",
        "kim",
        "",
        "@example.com",
        None,
        7,
    ],
)
def test_address_that_only_looks_alike_is_another(other: object) -> None:
    assert not same_address("kim@example.com", other)
    assert not same_address(other, "kim@example.com")


@pytest.mark.parametrize("missing", [None, "", " ", 7])
def test_missing_address_is_nobodys_not_everybodys(missing: object) -> None:
    assert not same_address(missing, missing)


def test_name_that_is_no_address_equals_only_itself() -> None:
    assert same_address("firestore:unattributed", "firestore:unattributed")
    assert not same_address("firestore:unattributed", "Firestore:unattributed")


def test_domain_of_any_script_equals_its_idna_form() -> None:
    assert address("kim@B\u00fccher.example") == "kim@xn--bcher-kva.example"
    assert same_address("kim@bu\u0308cher.example", "kim@b\u00fccher.example")


def test_local_part_is_compared_in_nfc() -> None:
    assert same_address("jos\u00e9@example.com", "jose\u0301@example.com")
    assert not same_address("jos\u00e9@example.com", "jose@example.com")


@pytest.mark.parametrize("written", ["kim@example.com", "Kim+shop@Example.com", "<KIM+a+b@example.com>"])
def test_addresses_with_tags_are_counted_together(written: str) -> None:
    assert mailbox(written) == "kim@example.com"


def test_tag_alone_is_not_everybodys_mailbox() -> None:
    assert mailbox("+a@example.com") != mailbox("+b@example.com")


@pytest.mark.parametrize("text", ["x@" + "a" * 300, "kim@" + "a" * 70 + ".com", "kim@a..b", "@", "<>", "<@>"])
def test_what_cannot_be_an_address_stays_as_it_is(text: str) -> None:
    assert address(text) == text


def test_address_with_a_lone_surrogate_breaks_nothing() -> None:
    assert not same_address("\ud800@example.com", "kim@example.com")
    assert address("kim@\ud800.example") == "kim@\ud800.example"
