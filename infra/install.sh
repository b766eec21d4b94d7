#!/bin/sh
# usage: infra/install.sh ENVIRONMENT LOCK - install exactly what the lock says, hashes checked; the environment is made
# where there is none. With uv, which downloads many packages at once and takes a fifth of pip's processor time: the lock's
# own where it pins one, else that of the dev environment or of the PATH. Without uv, or where it fails, with pip.
set -eu
environment=$1 lock=$2
python=$environment/bin/python
pinned=$(awk '/^uv==/ {on = 1} on {print} on && !/\\$/ {exit}' "$lock")
pip_install() {
  "$python" -m pip --version >/dev/null 2>&1 || "${PYTHON:-python3}" -m venv "$environment"
  "$python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$1"
}
if [ -n "$pinned" ]; then
  only=$(mktemp)
  trap 'rm -f "$only"' EXIT
  printf '%s\n' "$pinned" >"$only"
  pip_install "$only"
fi
for uv in "$environment/bin/uv" .venv/bin/uv "$(command -v uv || true)"; do
  [ -x "$uv" ] || continue
  # pip takes seconds to put into an environment, and uv needs none there.
  [ -x "$python" ] || "${PYTHON:-python3}" -m venv --without-pip "$environment"
  "$uv" pip install --quiet --python "$python" --require-hashes -r "$lock" && exit 0
  echo "$uv could not install $lock; trying with pip" >&2
  break
done
pip_install "$lock"
