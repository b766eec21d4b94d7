#!/usr/bin/env bash
# cloudevents 2 writes what is beyond plain ASCII into headers percent-encoded, as the HTTP binding demands; cloudevents 1
# neither does nor undoes it, and functions-framework takes no other. A subject that has a space, a quote, a percent sign or
# an umlaut arrives changed at a @cloud_event function, and nothing is refused: a comparison or a look-up just fails.
# Seen with: cloudevents 2.2.0 and 1.12.0, functions-framework 3.10.2, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/source"
python3 -m venv "$work/function"
pip=(-m pip install --quiet --disable-pip-version-check)
{
    "$work/source/bin/python" "${pip[@]}" cloudevents==2.2.0 &&
        "$work/function/bin/python" "${pip[@]}" functions-framework==3.10.2 cloudevents==1.12.0
} || { echo "the packages could not be installed" >&2; exit 2; }
both=(--dry-run --disable-pip-version-check --no-color functions-framework==3.10.2 cloudevents==2.2.0)
if timeout -k 5 80 "$work/function/bin/python" -m pip install "${both[@]}" >"$work/refused" 2>&1; then
    echo "functions-framework takes cloudevents 2: not as described" >&2
    exit 1
fi
grep -m 1 "depends on cloudevents" "$work/refused" || { cat "$work/refused" >&2; exit 2; }

timeout -k 5 60 "$work/source/bin/python" - >"$work/events" <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import json

from cloudevents.core.bindings.http import HTTPMessage, from_binary_event, to_binary_event
from cloudevents.core.v1.event import CloudEvent

for subject in ("orders/17", "orders/blue chair", "orders/Stühle", 'orders/2.5" screw', "discount of 5%"):
    about = {"specversion": "1.0", "id": "1", "type": "order.placed", "source": "/shop", "subject": subject}
    message = to_binary_event(CloudEvent(attributes={**about, "datacontenttype": "application/json"}, data={"order": 1}))
    back = from_binary_event(HTTPMessage(message.headers, message.body))
    assert back.get_subject() == subject, "cloudevents 2 does not understand itself"
    print(json.dumps([subject, message.headers, message.body.decode()]))
PYTHON
timeout -k 5 60 "$work/function/bin/python" - "$work" <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import json, pathlib, sys
from importlib.metadata import version
from urllib.parse import unquote

import functions_framework

SOURCE = """
import functions_framework

@functions_framework.cloud_event
def function(event):
    subjects.append(event["subject"])

subjects = []
"""
work = pathlib.Path(sys.argv[1])
(work / "main.py").write_text(SOURCE)
app = functions_framework.create_app("function", str(work / "main.py"), "cloudevent")
print("functions-framework", version("functions-framework"), "with cloudevents", version("cloudevents"))
for line in (work / "events").read_text().splitlines():
    sent, headers, body = json.loads(line)
    status = app.test_client().post("/", headers=headers, data=body).status_code
    got = sys.modules["main"].subjects[-1]
    print(f"{sent!r} -> header {headers['ce-subject']!r} -> {status}, subject {got!r}")
    assert status == 200 and unquote(got) == sent, "it is refused, or changed in another way"
    assert (got == sent) == (sent == "orders/17"), "the subject arrives as it was sent"
PYTHON
echo "as described"
