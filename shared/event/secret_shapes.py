"""A text in; the same without passwords, PINs, codes and keys out. Pure, linear in the length.

Known by their shape, as the keys of vendors are, or because somebody calls them so: `my password is hunter2`.
"""

from __future__ import annotations

import re

SECRET = "[secret]"  # noqa: S105

# Secrets that are known by their shape. Each begins where a word does, so that no character is looked at twice.
_TOKEN = re.compile(
    r"""-----BEGIN\ [A-Z ]{0,30}PRIVATE\ KEY-----[\s\S]*?(?:-----END\ [A-Z ]{0,30}PRIVATE\ KEY-----|\Z)
    | (?<=://)[^\s/:@]{1,100}:[^\s/@]{1,200}(?=@)                             # https://user:password@host
    | (?<![A-Za-z0-9_-])(?:
        (?:sk|rk)_(?:live|test)_[A-Za-z0-9]{10,} | whsec_[A-Za-z0-9+/=]{16,}  # Stripe
      | gh[opsur]_[A-Za-z0-9]{20,} | github_pat_\w{20,} | glpat-[\w-]{16,}     # GitHub, GitLab
      | xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{10,} | xapp-[A-Za-z0-9-]{10,}     # Slack
      | (?:AKIA|ASIA)[A-Z0-9]{16}(?!\w)                                        # AWS
      | AIza[\w-]{35} | ya29\.[\w.-]{20,} | GOCSPX-[\w-]{20,}                  # Google
      | sk-[\w-]{20,} | hf_[A-Za-z0-9]{30,} | npm_[A-Za-z0-9]{36} | pypi-[\w-]{40,}
      | SG\.[\w-]{16,}\.[\w-]{16,} | shp(?:at|ss|ca|pa)_[a-fA-F0-9]{32} | dop_v1_[a-f0-9]{64}
      | eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?                                   # a JWT
      | (?i:bearer)\ +(?=\S*\d)[A-Za-z0-9._~+/=-]{16,}
    )""",
    re.VERBOSE,
)


# In every label below there is one of these.
_HINTS = (
    *("pass", "pw", "key", "token", "secret", "pin", "code", "otp", "cvv", "cvc", "cvn", "csc", "cryptogramme", "digo"),
    *(
        "kennwort",
        "nummer",
        "ziffer",
        "contrase",
        "senha",
        "wachtwoord",
        "parola",
        "has",
        "senord",
        "salasana",
        "парол",
    ),
    *("パスワ", "密", "비밀"),
)
_KEYS = r"(?:api|access|secret|private|auth\w{0,12}|client|bearer|refresh|signing|webhook)[ _-]?(?:key|token|secret)"
_PASSWORDS = (
    r"pass[ ]?(?:word|code|phrase|wd)s?|pwd|pw|pass(?=\s?[:=])|passwort|kennwort|contrase[ñn]a|mot[ ]de[ ]passe|senha"
    r"|wachtwoord|parola(?:[ ]d'ordine)?|has[łl]o|l[öo]senord|salasana|пароль|パスワード|密码|密碼|비밀번호"
)
_WHOSE = r"(?:[ ](?:for|of|für|para|pour)[ ][^\n:=]{1,40}?(?=\s?[:=]))?"
_IS = r"[:=]>?|\b(?:is|was|ist|war|lautet|est|es|era|è|é|to)\b[:=]?|は|是"
_NAMED = re.compile(
    rf"""(?P<label>(?<![^\W\d_])(?:(?P<key>{_KEYS}|token|secret)|{_PASSWORDS}){_WHOSE}
      ["'`]?[^\S\n]{{0,3}}(?P<is>(?:{_IS})\s{{0,3}}))
    (?P<open>["'`“‘«„]?)(?P<value>[^\s"'`”’»“\[]{{3,200}})(?P<close>["'`”’»“]|(?P<alone>[^\S\n]*$))?""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
_NO_SECRET = re.compile(r"\#\d+|\S+@\S+\.\w+|https?://\S*|\S*\*{3,}\S*|<\S*")
_ODD = re.compile(r"(?=.*[^\W\d_])(?=.*[\d!@\#$%^&*+=~?|])|.*[a-zß-ÿ].*[A-Z]|\d{4,}", re.VERBOSE)
MIN_CHARS, MIN_KEY_CHARS = 4, 8

# `PIN code 110001` is a postal code in India, so only short ones are PINs, or those that are somebody's own.
_CODES = re.compile(
    r"""(?P<label>(?<![^\W\d_])(?:
        (?:cvv2?|cvc2?|cvn|csc|card[ ](?:verification|security)[ ](?:code|number|value)|kartenprüfnummer|prüfziffer
          |c[óo]digo[ ]de[ ]seguridad|cryptogramme|otp|one[- ]time[ ](?:pass)?code
          |(?:verification|security|2fa|sms|login)[ ]code)
        [\s:=\#(-]{0,4}(?:(?:is|was|ist|es|est|number|no\.?|code)\b[\s:=]{0,3}){0,2}(?=\d{3,8}(?![\w-]))
      | (?:my|mein|mi|mon)[ ]pin(?:[ ](?:code|number))?[\s:=]{0,3}(?:(?:is|was|ist|es|est)\b[\s:=]{0,3})?
        (?=\d{4,12}(?!\w))
      | pin(?:[ -]?(?:code|number|nummer))?[\s:=]{0,3}(?:(?:is|was|ist)\b[\s:=]{0,3}|\#)?(?=\d{4}(?![\w-])|(?<=\#)\d)
      | pin\b[^.\n]{0,60}?\b(?:to|be|auf|a)[ ](?:be[ ])?(?=\d{4}(?![\w-]))
    ))\d{3,12}""",
    re.VERBOSE | re.IGNORECASE,
)


def without_secrets(text: str) -> str:
    """Return `text` with `[secret]` for each of them."""
    text = _TOKEN.sub(SECRET, text)
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):  # most texts name none, and the searches look at every letter
        return text
    return _CODES.sub(rf"\g<label>{SECRET}", _NAMED.sub(_named, text))


def _named(found: re.Match[str]) -> str:
    """Mask a value that looks like a secret, or stands where only one can: quoted, or alone behind a colon.

    `my password is wrong` holds none.
    """
    value = found["value"].rstrip(".,;:)")
    is_quoted = bool(found["open"] and found["close"])
    is_alone = found["alone"] is not None and found["is"][-1:] != "\n" and found["is"].rstrip().endswith((":", "="))
    is_one = is_quoted or is_alone or bool(_ODD.match(value))
    if not is_one or len(value) < (MIN_KEY_CHARS if found["key"] else MIN_CHARS) or _NO_SECRET.fullmatch(value):
        return found[0]
    return found["label"] + found["open"] + SECRET + found[0][found.start("value") - found.start() + len(value) :]
