"""A text in; the same without the numbers by which states know people out. Pure, linear in the length."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

NATIONAL_ID = "[national id]"

# In every label there is one of these.
_HINTS = (
    "ssn",
    "social",
    "insurance",
    "cpf",
    "steuer",
    "pesel",
    "bsn",
    "aadha",
    "curp",
    "codice",
    "personn",
    " id",
    "passp",
)
_NO = r"(?:[ ](?:number|no\.?|nr\.?|\#))?"
_LABELLED = re.compile(
    rf"""(?P<label>(?<![^\W\d_])(?:
      ssn | social[ ](?:security|insurance){_NO} | national[ ]insurance{_NO} | cpf | pesel | bsn | curp
      | codice[ ]fiscale | steuer-?id(?:entifikationsnummer)? | aadhaa?r{_NO} | personnummer
      | passport[ ](?:number|no\.?)
      | (?:tax(?:payer)?|national)[ ]id(?:entity|entification)?(?:[ ]card)?{_NO}
    )[\s:=\#(-]{{0,4}}(?:(?:is|was|ist|es|est|é)\b[\s:=]{{0,3}})?)
    (?-i:[A-Z]{{0,4}}[ -]?\d(?:[ .\-/]?\d){{4,14}}[ -]?[A-Z]?)(?![0-9A-Za-z])""",
    re.VERBOSE | re.IGNORECASE,
)


def without_national_ids(text: str) -> str:
    """Return `text` with `[national id]` for what is called one, or has the shape and the check digits of one."""
    lower = text.lower()
    if any(hint in lower for hint in _HINTS):  # most texts name none, and the search looks at every letter
        text = _LABELLED.sub(rf"\g<label>{NATIONAL_ID}", text)
    return _SHAPED.sub(_checked, text)


def _digits(text: str) -> list[int]:
    return [int(c) for c in text if c.isdigit()]


def _dni(text: str) -> bool:
    """Spain's DNI and NIE: the letter is the number modulo 23."""
    number = text.replace("-", "").replace(" ", "").upper()
    start = {"X": "0", "Y": "1", "Z": "2"}.get(number[0], number[0])
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(start + number[1:-1]) % 23] == number[-1]


def _cpf(text: str) -> bool:
    """Brazil's CPF: two check digits modulo 11."""
    d = _digits(text)
    return len(set(d)) > 1 and all(
        sum(x * (n + 1 - i) for i, x in enumerate(d[:n])) * 10 % 11 % 10 == d[n] for n in (9, 10)
    )


def _steuer_id(text: str) -> bool:
    """Germany's tax id: ISO 7064 modulo 11, 10."""
    product = 10
    for digit in _digits(text)[:-1]:
        product = ((digit + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == _digits(text)[-1]


def _nir(text: str) -> bool:
    """France's number of social security: 97 less the number modulo 97."""
    number = re.sub(r"\s", "", text).upper().replace("2A", "19").replace("2B", "18")
    return 97 - int(number[:13]) % 97 == int(number[13:])


# Of the United States, the United Kingdom, Spain, Brazil, Germany, France and Italy.
_SHAPED = re.compile(
    r"""(?<![\w-])(?:
      (?P<ssn>(?!000|666)\d{3}-(?!00)\d\d-(?!0000)\d{4})
    | (?P<nino>(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ ]?\d\d[ ]?\d\d[ ]?\d\d[ ]?[A-D])
    | (?P<dni>(?:\d{8}|[XYZ][- ]?\d{7})[- ]?[A-HJ-NP-TV-Z])
    | (?P<cpf>\d{3}\.\d{3}\.\d{3}-\d\d)
    | (?P<steuer_id>[1-9]\d[ ]\d{3}[ ]\d{3}[ ]\d{3})
    | (?P<nir>[12][ ]?\d\d[ ]?\d\d[ ]?(?:\d\d|2[AB])[ ]?\d{3}[ ]?\d{3}[ ]?\d\d)
    | (?P<codice_fiscale>[A-Z]{6}\d\d[A-EHLMPR-T]\d\d[A-Z]\d{3}[A-Z])
    )(?![\w-])""",
    re.VERBOSE,
)
_CHECKS: Mapping[str, Callable[[str], bool]] = {"dni": _dni, "cpf": _cpf, "steuer_id": _steuer_id, "nir": _nir}


def _checked(found: re.Match[str]) -> str:
    holds = _CHECKS.get(found.lastgroup or "")
    return NATIONAL_ID if holds is None or holds(found[0]) else found[0]
