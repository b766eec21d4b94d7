"""A page in; its forms as a browser would send them, out, and what stands in their fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

TYPED = ("text", "search", "textarea")


@dataclass
class Field:
    """One field: `value` is what would be sent, None where nothing is."""

    name: str
    kind: str
    value: str | None
    is_invalid: bool = False


@dataclass
class Form:
    """One form; `buttons` are names and values, one of which is sent along."""

    action: str
    method: str
    fields: list[Field] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)

    def sent(self, typed: str, button: tuple[str, str]) -> list[tuple[str, str]]:
        """Return what is sent with this typed into every field that takes text, and everything ticked."""
        pairs = [(f.name, typed if f.kind in TYPED else f.value) for f in self.fields]
        return [(n, v) for n, v in [*pairs, button] if n and v is not None]


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._text: Field | None = None
        self._select: Field | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = {name: value or "" for name, value in attrs}
        form, name = self._open, given.get("name", "")
        if tag == "form":
            self._open = Form(given["action"], given.get("method", "get"))
            self.forms.append(self._open)
        elif form is None:
            return
        elif tag == "button" and given.get("type") != "button":
            form.buttons.append((name, given.get("value", "")))
        elif tag == "option" and self._select is not None:
            if "selected" in given or self._select.value is None:
                self._select.value = given.get("value")
        elif tag in ("input", "textarea", "select") and name:
            kind = given.get("type", "text") if tag == "input" else tag
            if kind == "radio" and any(f.name == name for f in form.fields):
                return
            made = Field(name, kind, None if tag != "input" else given.get("value", ""), "aria-invalid" in given)
            form.fields.append(made)
            if tag == "textarea":
                self._text, made.value = made, ""
            if tag == "select":
                self._select = made

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        if tag == "textarea":
            self._text = None
        if tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.value = (self._text.value or "") + (data if self._text.value else data.removeprefix("\n"))


def forms(page: str) -> list[Form]:
    """Return the forms of a page, those of its head as well."""
    parser = _Forms()
    parser.feed(page)
    return parser.forms
