"""How a model is told to answer, as data: a text of somebody's in, the rules of a prompt out. Pure.

What a prompt says besides, that the message is a stranger's and data, is not among them.
"""

from __future__ import annotations

from shared.errors import SettingError

MAX_RULES = 40
MAX_RULE_CHARS = 1_000

Rules = tuple[str, ...]

# What a promoted version may replace.
RULES: Rules = (
    "Give the chosen intent's parameters only, and only what the message states, as it states it; leave out the rest, "
    "never guess. Money in whole minor units: $25.00 is 2500.",
    "confidence, from 0 to 1: your honest estimate that a careful person would choose this intent with these "
    "parameters. When in doubt, below 0.8.",
)


def read_rules(text: str) -> Rules:
    """Return the rules of a text, one a line, to stand in place of `RULES`.

    Raises:
        SettingError: there are none, too many, or one that would break the prompt's form; says which, and the cure.
    """
    rules = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not 1 <= len(rules) <= MAX_RULES:
        raise SettingError(f"the rules have {len(rules)} lines that say something; write 1 to {MAX_RULES}, a rule each")
    for number, rule in enumerate(rules, 1):
        if len(rule) > MAX_RULE_CHARS:
            raise SettingError(f"rule {number} has {len(rule)} characters; at most {MAX_RULE_CHARS} are taken")
        if not rule.isprintable():
            raise SettingError(f"rule {number} has a character that cannot be shown; write it as plain text")
        if any(f"{{{name}}}" in rule for name in ("intents", "parameters", "rules", "nonce")):
            raise SettingError(f"rule {number} has a placeholder of the prompt itself; leave the braces out")
    return rules
