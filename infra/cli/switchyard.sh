#!/bin/sh
# The command `switchyard`. Make links it into the environment: the project is no package, and a .pth or an editable
# install would let every program of the environment import it, also the tests that a bundle needs nothing beside itself.
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd) || exit 1
if [ ! -x "$root/.venv/bin/python" ]; then
  echo "switchyard: there is no $root/.venv yet; \`make demo\` sets it up" >&2
  exit 1
fi
# Wherever it is called: this tree's modules, also in child processes, and the same data.
export PYTHONSAFEPATH=1 PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}" DATA_DIR="${DATA_DIR:-$root/.switchyard}"
exec "$root/.venv/bin/python" -m infra.cli "$@"
