"""When two addresses are one mailbox, and when they only look alike."""

from __future__ import annotations

import pytest

from shared.event.mailbox import address, mailbox, same_address, same_mailbox

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
        "kim+shop@example.com",
        "KIM+a+b@example.com",
    ],
)
def test_mailbox_is_one_however_its_address_is_written(written: str) -> None:
    assert mailbox(written) == "kim@example.com"
    assert same_mailbox(written, "kim@example.com")


@pytest.mark.parametrize(
    "other",
    [
        "kim@example.org",
        "kimm@example.com",
        "kim@sub.example.com",
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
def test_address_that_only_looks_alike_is_another_mailbox(other: object) -> None:
    assert not same_mailbox("kim@example.com", other)
    assert not same_mailbox(other, "kim@example.com")


@pytest.mark.parametrize("missing", [None, "", " ", "nobody", 7])
def test_missing_address_is_nobodys_not_everybodys(missing: object) -> None:
    assert not same_mailbox(missing, missing)


def test_domain_of_any_script_equals_its_idna_form() -> None:
    assert address("kim@Bücher.example") == "kim@xn--bcher-kva.example"
    assert same_mailbox("kim@bücher.example", "kim@xn--bcher-kva.example")
    assert same_mailbox("kim@bu\u0308cher.example", "kim@bücher.example")


def test_local_part_is_compared_in_nfc() -> None:
    assert same_mailbox("jos\u00e9@example.com", "jose\u0301@example.com")
    assert not same_mailbox("jos\u00e9@example.com", "jose@example.com")


def test_tag_stays_where_the_address_itself_counts() -> None:
    assert address("Kim+Shop@example.com") == "kim+shop@example.com"
    assert not same_address("kim+shop@example.com", "kim@example.com")
    assert same_address("Ops@Example.com", "ops@example.com")


def test_mailbox_of_a_tag_alone_is_not_everybodys() -> None:
    assert mailbox("+a@example.com") != mailbox("+b@example.com")


@pytest.mark.parametrize(
    "text", ["x@" + "a" * 300, "kim@" + "a" * 70 + ".com", "kim@a..b", "\ud800@example.com", "@", "<>"]
)
def test_what_is_no_address_equals_only_itself(text: str) -> None:
    assert address(text) == text or "@example.com" in text
    assert not same_mailbox(text, "kim@example.com")
