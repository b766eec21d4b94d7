#!/usr/bin/env bash
# google-generativeai needs protobuf 5, through google-ai-generativelanguage, and current releases of Google's own clients need
# a later one: next to it google-cloud-pubsub 2.39.0 can be installed, and 2.44.0 cannot.
# Seen with: google-generativeai 0.8.6, google-cloud-pubsub 2.44.0 and 2.39.0, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"

resolve() { # a package beside google-generativeai; nothing is installed
    timeout -k 5 80 "$work/venv/bin/pip" install --dry-run --disable-pip-version-check --no-color \
        google-generativeai==0.8.6 "$@" >"$work/log" 2>&1
}

resolve google-cloud-pubsub==2.39.0 ||
    { echo "not as described: google-cloud-pubsub 2.39.0 is shut out, too, or no index can be reached" >&2; exit 1; }
echo "with 2.39.0:" "$(grep -oE '\bprotobuf-[0-9.]+' "$work/log" | tail -1)"
grep -qE '\bprotobuf-5\.' "$work/log" || { echo "not as described: another protobuf is chosen" >&2; exit 1; }

! resolve google-cloud-pubsub==2.44.0 || { echo "not as described: 2.44.0 can be installed" >&2; exit 1; }
echo "with 2.44.0:"
grep -E 'ResolutionImpossible|depends on' "$work/log" | sort -u | head -20
grep -q ResolutionImpossible "$work/log" || { echo "not as described: another failure" >&2; exit 1; }
echo "as described"
