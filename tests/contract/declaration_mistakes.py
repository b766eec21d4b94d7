"""Every mistake that a folder of an intent can hold, and the line that is said of it."""

from __future__ import annotations

from tests.contract.broken_folder import MAIN, Broken, declared, handled

EDITION = 'edition: Annotated[str, Field(pattern=r"^[A-Z]{4}$"), FromPayload()]'
EXAMPLES = 'examples=("please send the catalogue", "a printed catalogue, please", "catalogue WXYZ by post")'
BESIDE = "one answer schema serves all intents, so rename one of them"
BROKEN = [
    Broken("no declaration", "/intent.py is missing: it holds INTENT = Intent(...)"),
    Broken("no INTENT", "/intent.py: needs INTENT = Intent(...)", new="x = 1\n"),
    Broken("a syntax error", "/intent.py:1: SyntaxError: invalid syntax; correct the line", new="def (\n"),
    declared(
        "another name",
        '"send_catalogue"',
        '"catalogue"',
        "/intent.py: INTENT.name is 'catalogue', the folder is 'send_catalogue'; make them equal",
    ),
    declared(
        "a name not imported",
        "policy=Policy()",
        "policy=Polcy()",
        "/intent.py:23: the name 'Polcy' is not defined; did you mean 'Policy'? import it, or correct its spelling",
    ),
    declared(
        "a module that is not there",
        "from pydantic import Field",
        "from pydantick import Field",
        "/intent.py:5: import failed: ModuleNotFoundError: No module named 'pydantick'",
    ),
    declared(
        "an unknown field of Intent",
        "policy=",
        "polcy=",
        "/intent.py:17: Intent has no field 'polcy'; did you mean 'policy'? it has name, description, examples, "
        "parameters, provider, policy, idempotency, limits, reads_first, sources, needs, near_misses, effect, "
        "look_at, schema_version",
    ),
    declared(
        "a page at the provider that is none",
        "policy=",
        'look_at="javascript:alert(1)", policy=',
        "/intent.py: look_at is 'javascript:alert(1)'; it must be an https address without a place in its host, or "
        "empty",
    ),
    declared(
        "a place that is no parameter",
        "policy=",
        'look_at="https://shop.example.com/{editoin}", policy=',
        "/intent.py: look_at names {editoin}, which is no field of Parameters; did you mean 'edition'? name one",
    ),
    declared(
        "an unknown field of Policy",
        "Policy()",
        'Policy(riks="money")',
        "/intent.py:23: Policy has no field 'riks'; did you mean 'risk'? it has risk, amount, currency, subject, "
        "per_day, audit_share, channels, once_per, within, excludes, approvals, approvals_above, "
        "undo_s, min_confidence",
    ),
    declared(
        "a field left out",
        '    description="The customer wants the printed catalogue.",\n',
        "",
        "/intent.py:17: Intent needs 'description'; add what is missing",
    ),
    declared(
        "a bad pattern",
        "^[A-Z]{4}$",
        "^[A-Z{4}$",
        "/intent.py:11: field 'edition': pattern '^[A-Z{4}$' cannot be used: unclosed character class; correct "
        "the pattern",
    ),
    declared(
        "a pattern with look-ahead",
        "^[A-Z]{4}$",
        "^(?=W)WXYZ$",
        "/intent.py:11: field 'edition': pattern '^(?=W)WXYZ$' cannot be used: look-around, including look-ahead "
        "and look-behind, is not supported; correct the pattern",
    ),
    declared(
        "a bad pattern seen at the first validation",
        EDITION,
        "model_config = {'defer_build': True}\n    " + EDITION.replace("[A-Z]", "[A-Z"),
        "/intent.py: Parameters: field 'edition': pattern '^[A-Z{4}$' cannot be used: unclosed character class; "
        "correct the pattern",
    ),
    declared(
        "a type that is nowhere",
        "Annotated[str,",
        'Annotated["Sort",',
        "/intent.py: Parameters: the name 'Sort' is not defined; import it, or correct its spelling",
    ),
    declared(
        "no fields",
        f"    {EDITION}\n",
        "",
        "/intent.py: Parameters has no fields; the Gemini API refuses an empty object, so declare at least one",
    ),
    declared(
        "parameters of another kind",
        "parameters=Parameters",
        "parameters=dict",
        "/intent.py: parameters must be a subclass of ParametersModel",
    ),
    declared(
        "no examples",
        EXAMPLES,
        "examples=()",
        "/intent.py: examples: needs at least 3 examples; add what people really write",
    ),
    declared(
        "a text for examples",
        EXAMPLES,
        'examples="please send the catalogue"',
        '/intent.py: examples must be several texts: ("...", "...", "...")',
    ),
    declared(
        "an example twice",
        '"a printed catalogue, please"',
        '"Please  send the catalogue!"',
        "/intent.py: examples: 'Please send the catalogue!' stands there twice; write another one",
    ),
    declared(
        "an example of another intent",
        '"a printed catalogue, please"',
        '"Forgot login password."',
        "/intent.py: example 'Forgot login password.' is also one of password_reset; the model cannot know which, "
        "so reword one",
    ),
    declared(
        "a parameter of another kind than elsewhere",
        EDITION,
        "order_id: int",
        f"/intent.py: parameter 'order_id' is integer here and string in cancel_order; {BESIDE}",
    ),
    declared(
        "an empty description",
        "The customer wants the printed catalogue.",
        " ",
        "/intent.py: description is empty; the model chooses by it",
    ),
    declared(
        "an unknown risk",
        "Policy()",
        'Policy(risk="mony")',
        "/intent.py: policy.risk is 'mony'; did you mean 'money'? it is one of none, money, credential, goods",
    ),
    declared(
        "money without an amount",
        "Policy()",
        'Policy(risk="money", subject="/requester/email")',
        "/intent.py: policy.risk is money, so policy.amount must name the field that holds minor units",
    ),
    declared(
        "a subject that no event says",
        "Policy()",
        'Policy(subject="/requester/emial", per_day=1)',
        "/intent.py: policy.subject '/requester/emial' is neither a pointer nor a field of Parameters; did you "
        "mean '/requester/email'? name one",
    ),
    declared(
        "a rate below one",
        "Policy()",
        'Policy(subject="/requester/email", per_day=-2)',
        "/intent.py: policy.per_day is -2; it must be 1..1000 (None: no bound)",
    ),
    declared(
        "a currency without an amount",
        "Policy()",
        'Policy(currency="USD")',
        "/intent.py: policy.currency needs policy.amount: the field that holds its minor units",
    ),
    declared(
        "an unknown currency",
        "Policy()",
        'Policy(currency="DOL")',
        "/intent.py: policy.currency 'DOL' is no ISO 4217 code that is known; it is one such as USD",
    ),
    declared(
        "a subject that is no parameter",
        "Policy()",
        'Policy(once_per=("order",))',
        "/intent.py: policy.once_per 'order' is no field of Parameters; name one",
    ),
    declared(
        "an exclusion without a subject",
        "Policy()",
        'Policy(excludes=("cancel_order",))',
        "/intent.py: policy.excludes needs once_per: the subject that both intents are about",
    ),
    declared(
        "an unknown channel",
        "Policy()",
        'Policy(channels=("consle",))',
        "/intent.py: policy.channels is ('consle',); it must be a tuple of some of console, cli, firestore, chat",
    ),
    declared(
        "a field of the event that is not there",
        "FromPayload()]",
        'FromField("/requester/emial")]',
        "/intent.py: field 'edition': no event says '/requester/emial'; did you mean '/requester/email'? it is one "
        "of /requester/email, /requester/id, /requester/name",
    ),
    declared(
        "a currency that is no field",
        EDITION,
        'cents: Annotated[int, MoneyFromPayload("currencyy")]',
        "/intent.py: field 'cents': MoneyFromPayload names 'currencyy', which is no field; add it",
    ),
    declared(
        "a text for a policy",
        "policy=Policy()",
        'policy="money"',
        "/intent.py: policy is 'money'; it must be Policy(...)",
    ),
    declared(
        "a text for idempotency",
        "policy=Policy()",
        'idempotency="by_key"',
        "/intent.py: idempotency is 'by_key'; it must be NATURAL, NONE or by_key(safe_age)",
    ),
    declared(
        "a text for a provider",
        'Provider("printer", url="https://printer.example.com")',
        '"printer"',
        '/intent.py: provider is \'printer\'; it must be Provider("name", url="https://...")',
    ),
    declared(
        "a provider without an address",
        'Provider("printer", url="https://printer.example.com")',
        'Provider("printer")',
        "/intent.py:22: Provider needs 'url'; add what is missing",
    ),
    declared(
        "a provider's address without https",
        "https://printer",
        "printer",
        "/intent.py: provider.url 'printer.example.com' must be https://host",
    ),
    declared(
        "a provider that is elsewhere already",
        '"printer", url="https://printer.',
        '"shop", url="https://printer.',
        "/intent.py: provider 'shop' is at https://shop.example.com in cancel_order; SHOP_API_URL can only be one",
    ),
    declared(
        "limits out of bounds",
        "policy=Policy()",
        "limits=Limits(timeout_s=541)",
        "/intent.py: limits must be max_concurrency 1..1000, timeout_s 5..500, max_attempts 1..20",
    ),
    Broken("no handler file", "/main.py is missing: it holds `async def handle`", file="main.py"),
    handled("no handle", "x = 1\n", "/main.py needs `async def handle(params, ctx)`; it has none"),
    handled(
        "a plain function",
        "\n\ndef handle(params, ctx): ...\n",
        "/main.py:3: `handle` must be `async def handle(params, ctx)`; it is not `async def`",
    ),
    handled(
        "one argument",
        "async def handle(params): ...\n",
        "/main.py:1: `handle` must be `async def handle(params, ctx)`; it takes 1, not 2 arguments",
    ),
    handled(
        "a plan of one argument",
        MAIN + "\n\nasync def plan(params): ...\n",
        "/main.py:9: `plan` must be `async def plan(params, ctx)`; it takes 1, not 2 arguments",
    ),
    handled(
        "a plain reconcile",
        MAIN + "\n\ndef reconcile(effect_key, ctx): ...\n",
        "/main.py:9: `reconcile` must be `async def reconcile(effect_key, ctx)`; it is not `async def`",
    ),
    handled(
        "a syntax error in the handler", MAIN + "\n)\n", "/main.py:8: SyntaxError: unmatched ')'; correct the line"
    ),
    handled("a handler that raises", MAIN + "\n{}['url']\n", "/main.py:8: import failed: KeyError: 'url'"),
]
