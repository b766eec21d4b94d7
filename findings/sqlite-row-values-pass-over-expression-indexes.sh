#!/usr/bin/env bash
# SQLite pages by (a, b) > (?, ?) through an index of columns, but not through one of expressions as json_extract():
# (a, b) = (?, ?) searches it, while > only walks it from its start, so a page costs as much as all pages before it. The
# plan looks harmless ("USING INDEX"). It takes an a >= ? beside the pair, or generated columns of the same expressions.
# Seen with: SQLite 3.40.1 (Python's own) and 3.54.1 (apsw 3.54.1.0), 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.54.1.0 ||
    { echo "the packages could not be installed" >&2; exit 2; }

timeout -k 5 60 "$work/venv/bin/python" - <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import json, sqlite3

import apsw

AT, ID = "json_extract(doc, '$.at')", "json_extract(doc, '$.id')"
ROWS = 10_000


def page(db, where, values, order):
    """Return the plan, how many of SQLite's instructions ten rows took, and the first row."""
    sql = f"SELECT doc FROM queue WHERE {where} ORDER BY {order} LIMIT 10"
    plan = "; ".join(row[3] for row in db.execute("EXPLAIN QUERY PLAN " + sql, values))
    steps = []
    db.set_progress_handler(lambda: bool(steps.append(1)), 1)
    rows = db.execute(sql, values).fetchall()
    db.set_progress_handler(None, 1)
    return plan, len(steps), json.loads(rows[0][0])["id"]


def both(db, name, where, order, single=False):
    """Print and return the instructions of the first and of the last page."""
    costs = []
    for after in (0, ROWS - 20):
        pair = (after // 10, after)
        plan, steps, first = page(db, where, (pair[0], *pair) if single else pair, order)
        assert first == after + 1, "another page"
        costs.append(steps)
    print(f"  {name}: {plan}: first page {costs[0]} instructions, last page {costs[1]}")
    return plan, costs


of_python = (sqlite3.sqlite_version, sqlite3.connect(":memory:"))
newest = (apsw.sqlite_lib_version(), apsw.Connection(":memory:"))
for version, db in (of_python, newest):
    print("SQLite", version)
    db.execute(f"CREATE TABLE queue (doc TEXT, at AS ({AT}), id AS ({ID}))")
    documents = [(json.dumps({"at": n // 10, "id": n}),) for n in range(ROWS)]
    db.executemany("INSERT INTO queue (doc) VALUES (?)", documents)

    db.execute(f"CREATE INDEX by_expressions ON queue ({AT}, {ID})")
    equal = page(db, f"({AT}, {ID}) = (?, ?)", (5, 55), f"{AT}, {ID}")[0]
    print("  pair of expressions, =:", equal)
    assert equal.startswith("SEARCH"), "no equality uses the index either"
    plan, (first, last) = both(db, "pair of expressions, >", f"({AT}, {ID}) > (?, ?)", f"{AT}, {ID}")
    assert plan.startswith("SCAN") and last > 100 * first, "the pair is searched for"
    plan, (first, last) = both(db, "and the first alone", f"{AT} >= ? AND ({AT}, {ID}) > (?, ?)", f"{AT}, {ID}", True)
    assert plan.startswith("SEARCH") and last < 3 * first, "the first alone does not help"

    db.execute("DROP INDEX by_expressions")
    db.execute("CREATE INDEX by_columns ON queue (at, id)")
    plan, (first, last) = both(db, "pair of generated columns, >", "(at, id) > (?, ?)", "at, id")
    assert plan.startswith("SEARCH") and last < 3 * first, "columns are not searched for either"
    db.close()
PYTHON
echo "as described"
