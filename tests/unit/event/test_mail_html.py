"""HTML that a sender passes on: quotes are marked, hidden words are gone, the rest is plain text."""

from __future__ import annotations

import time

import pytest

from shared.event.payload import clean, view

ASKED = "refund order #2, $9.00"
OWN = "Thank you."

QUOTED = {
    "gmail": f'<div>{OWN}</div><div class="gmail_quote"><div class="gmail_attr">On 3 Nov 2026 at 10:00, Kim '
    f'&lt;kim@example.com&gt; wrote:<br></div><blockquote class="gmail_quote">{ASKED}</blockquote></div>',
    "bare": f"<p>{OWN}</p><blockquote>{ASKED}</blockquote>",
    "thunderbird": f'<p>{OWN}</p><div class="moz-cite-prefix">Am 03.11.26 um 10:00 schrieb Kim:</div>'
    f'<blockquote type="cite"><p>{ASKED}</p></blockquote>',
    "yahoo": f'<div>{OWN}</div><div id="yahoo_quoted_1" class="yahoo_quoted">'
    f"<div>On Tuesday, Kim wrote:</div>{ASKED}</div>",
    "outlook": f'<div>{OWN}</div><hr><div id="divRplyFwdMsg"><b>From:</b> Kim<br><b>Sent:</b> Tuesday</div>'
    f"<div>{ASKED}</div>",
    "headers": f"<div>{OWN}</div><div><b>From:</b> Kim &lt;kim@example.com&gt;<br><b>Sent:</b> 3 Nov 2026 10:00<br>"
    f"<b>To:</b> Ana<br><b>Subject:</b> x</div><div>{ASKED}</div>",
    "display": f'<p>{OWN}</p><p style="display: none">{ASKED}</p>',
    "visibility": f"<p>{OWN}</p><span style='visibility:hidden'><b>{ASKED}</b></span>",
    "font": f'<p>{OWN}</p><font style="font-size:0px">{ASKED}</font>',
    "attribute": f"<p>{OWN}</p><div hidden>{ASKED}</div>",
    "comment": f"<p>{OWN}</p><!-- {ASKED} -->",
    "style": f"<style>p {{}} /* {ASKED} */</style><p>{OWN}</p>",
}


@pytest.mark.parametrize("name", QUOTED)
def test_quoted_and_hidden_html_is_not_the_senders_words(name: str) -> None:
    assert clean(QUOTED[name]) == OWN


def test_words_of_html_stay_with_their_lines_and_entities() -> None:
    html = "<div>Refund order&nbsp;#1,<br>&#36;25.00 &amp; <b>quick</b></div><p style='font-size:0.9em'>Ana"
    assert clean(html) == "Refund order #1,\n$25.00 & quick\n\nAna"


def test_hidden_paragraph_ends_where_the_next_one_begins() -> None:
    assert clean("<p style='display:none'>x<p>Cancel #1") == "Cancel #1"


def test_mail_that_is_only_a_blockquote_is_flagged() -> None:
    seen = view("crm", {"text": f"<blockquote>{ASKED}</blockquote>"})
    assert (dict(seen.texts), seen.only_quotes) == ({"/text": f"> {ASKED}"}, True)


@pytest.mark.parametrize("text", ["a < b and c > d", "<https://example.com>", "my <order> is late", "I <3 it"])
def test_text_that_is_no_html_is_left_alone(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize("part", ["<div>", "<!--", "<div a='", "<p>x", "<style>", "</p><div>", "<br &", "<div a=b=c "])
def test_hostile_html_is_read_within_a_second(part: str) -> None:
    began = time.process_time()
    clean("<div>" + part * (200_000 // len(part)))
    assert time.process_time() - began < 1
