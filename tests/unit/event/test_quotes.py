"""Whose words a mail holds: one construction at a time, then whole labelled mails of twenty languages."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.event.quotes import OwnWords, own_words

MAILS = Path(__file__).parents[2] / "data" / "mails"
ASKED = "Refund order #10021, $25.00."


def blocks(name: str) -> list[str]:
    return (MAILS / name).read_text(encoding="utf-8").strip("\n").split("\n\n")


def lines(name: str) -> list[str]:
    return (MAILS / name).read_text(encoding="utf-8").strip("\n").split("\n")


# --- single constructions


@pytest.mark.parametrize("mark", ["", "> "])
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
@pytest.mark.parametrize("opening", blocks("attributions.txt") + blocks("headers.txt"))
def test_what_stands_below_an_attribution_or_headers_is_not_own(opening: str, gap: str, mark: str) -> None:
    assert own_words(f"Thank you.{gap}{opening}{gap}{mark}{ASKED}").own == "Thank you."


@pytest.mark.parametrize("headers", ["", "From: Kim <kim@example.com>\nSubject: Your order\n"])
@pytest.mark.parametrize("separator", lines("separators.txt"))
def test_what_stands_below_a_separator_is_not_own(separator: str, headers: str) -> None:
    assert own_words(f"Thank you.\n\n{separator}\n{headers}\n{ASKED}").own == "Thank you."


@pytest.mark.parametrize("separator", [*lines("separators.txt"), "------ Forwarded Message"])
def test_separator_with_headers_is_certain(separator: str) -> None:
    reading = own_words(f"Thank you.\n{separator}\nFrom: Kim <kim@example.com>\nSubject: Your order\n\n{ASKED}")
    assert reading == OwnWords("Thank you.")


@pytest.mark.parametrize("line", lines("own.txt"))
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_own_line_that_looks_a_little_like_mail_is_kept(line: str, gap: str) -> None:
    text = f"Hello,{gap}{line}{gap}please help with order #10021\n\nAna"
    assert own_words(text) == OwnWords(text)


@pytest.mark.parametrize("attribution", blocks("attributions.txt"))
def test_answer_below_a_marked_quote_is_own(attribution: str) -> None:
    assert own_words(f"{attribution}\n\n> {ASKED}\n\nNo, cancel #7.").own == "No, cancel #7."


@pytest.mark.parametrize("attribution", blocks("attributions.txt"))
def test_answer_below_an_attribution_that_is_not_marked_is_shown(attribution: str) -> None:
    text = f"{attribution}\n\nNo, cancel #7."
    assert own_words(text) == OwnWords(text, only_quotes=True)


@pytest.mark.parametrize(
    "forward",
    [
        *blocks("headers.txt"),
        "---------- Forwarded message ---------\nFrom: Kim <kim@example.com>\nSubject: Order",
        "Begin forwarded message:\n\n> From: Kim <kim@example.com>\n> Subject: Order",
        "Début du message réexpédié :\n\nDe: Kim <kim@example.com>\nDate: 3 novembre 2026 10:00\nÀ: Ana",
        "-----Original Message-----",
        "From: ana@example.com\nTo: shop@example.com\nSubject: Refund\nMessage: It is broken",
    ],
)
def test_mail_that_is_only_a_forward_is_shown_and_flagged(forward: str) -> None:
    text = f"{forward}\n\n> {ASKED}" if "\n> " in forward else f"{forward}\n\n{ASKED}"
    assert own_words(text) == OwnWords(text.strip(), only_quotes=True)


@pytest.mark.parametrize("mark", [">", "> ", ">>> ", "  > ", "| ", "C> ", "KL> ", "Ab>> "])
def test_marked_line_is_quoted_and_the_lines_around_it_are_not(mark: str) -> None:
    assert own_words(f"Cancel #1\n{mark}refund #2\nthanks") == OwnWords("Cancel #1\nthanks")


def test_second_half_of_a_hard_wrapped_quote_may_be_quoted() -> None:
    first = "> Shall we refund the whole amount of your order #10020, which was"
    assert own_words(f"{first}\n$25.00 in all?\n> Kim\n\nNo.") == OwnWords("No.", maybe="$25.00 in all?")


@pytest.mark.parametrize("question", ["> Which order is it?", "> Shall we cancel the order that you made on Monday?"])
def test_answer_between_two_quoted_lines_is_own(question: str) -> None:
    assert own_words(f"{question}\nYes, #10021.\n> And why?\nBroken.") == OwnWords("Yes, #10021.\nBroken.")


DOUBTFUL = [
    "On 3 Nov 2026 you wrote:",
    "Please send it to Ana <ana@example.com>:",
    "--- Order details ---",
    "From: Kim\nDate: 3 November 2026\nTo: Ana\nSubject: Order",
]


@pytest.mark.parametrize("opening", DOUBTFUL)
def test_doubtful_opening_cuts_nothing(opening: str) -> None:
    assert own_words(f"Hello\n\n{opening}\n{ASKED}") == OwnWords("Hello", maybe=f"{opening}\n{ASKED}")


def test_attribution_never_spans_a_blank_line() -> None:
    text = "Le colis #31177 n'est pas arrivé, annulez."
    assert own_words(f"{text}\n\nLe 3 nov. 2026 à 10:00, Boutique <b@example.com> a écrit :\n\nBonjour").own == text


def test_own_line_right_above_an_attribution_is_no_part_of_it() -> None:
    text = "Refund $25.00 by 10:00 please"
    assert own_words(f"{text}\nOn Tue, 3 Nov 2026 at 10:00, Kim <kim@example.com> wrote:\n> {ASKED}") == OwnWords(text)


def test_amount_above_a_quote_is_no_time_of_day() -> None:
    assert own_words("Please refund order #1, $25.00.\n> refund #2").own == "Please refund order #1, $25.00."


# --- whole mails


def labelled() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the name of a mail and its lines, each `o` own, `q` quoted or `n` neither."""
    for part in (MAILS / "mails.txt").read_text(encoding="utf-8").split("@ ")[1:]:
        name, *rest = part.rstrip("\n").split("\n")
        yield name, [(line[0], line[2:]) for line in rest]


def test_no_quoted_line_leaks_and_no_own_line_is_lost() -> None:
    counts: Counter[str] = Counter()
    for name, mail in labelled():
        reading = own_words("\n".join(text for _, text in mail))
        own, maybe = reading.own.split("\n"), reading.maybe.split("\n")
        assert not reading.only_quotes, name
        for label, text in mail:
            counts[label] += 1
            counts["leaked"] += label == "q" and text in own
            counts["lost"] += label == "o" and text.strip() not in own
            counts["doubtful"] += label == "o" and text.strip() in maybe
    assert counts["q"] > 70
    assert counts["o"] > 50
    assert counts["leaked"] <= 0.01 * counts["q"]
    assert counts["lost"] <= 0.005 * counts["o"]
    assert counts["doubtful"] == 0


# --- any text


@given(st.lists(st.sampled_from([*lines("own.txt"), *blocks("attributions.txt"), "> a", "", "b"]), max_size=12))
def test_every_line_that_is_shown_was_written_and_words_never_vanish_without_a_flag(parts: list[str]) -> None:
    text = "\n".join(parts)
    reading = own_words(text)
    shown = reading.own.split("\n") + reading.maybe.split("\n")
    assert {line.strip() for line in shown} <= {line.strip() for line in text.split("\n")} | {""}
    assert reading.own or not text.strip()


HOSTILE = {
    "headers": "A: 1\nB: 2\n" * 20_000,
    "addresses": "a: x@e.com\n" * 20_000,
    "moments": "On 3.5.2026 10:00 <a@b.de>\n" * 9_000,
    "dates": "3.5.2026\n" * 22_000,
    "separators": "--- a\n" * 30_000,
    "marks": "> a\nb\n" * 30_000,
    "brackets": "[@" * 100_000,
    "dashes": "-" * 200_000,
    "pipes": "| x" * 66_000,
    "spaces": " " * 200_000 + ":",
    "one line": "a " * 100_000 + ":",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_read_in_seconds_not_minutes(name: str) -> None:
    began = time.process_time()
    own_words(HOSTILE[name])
    assert time.process_time() - began < 30  # minutes where something backtracks
