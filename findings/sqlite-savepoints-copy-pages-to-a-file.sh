#!/usr/bin/env bash
# A queue that commits jobs together, each in a savepoint so that one may fail, writes most of its bytes to a file that
# nobody sees. SQLite copies every page that a savepoint changes and that the transaction had before; as soon as one
# savepoint has changed 16 of them, as a row with a dozen indexes does, these copies of it and of all that follow it in the
# transaction go to a deleted file in /var/tmp, also with a write-ahead log. No plan and no file size shows it. It takes
# PRAGMA temp_store = MEMORY, or no savepoint.
# Seen with: SQLite 3.40.1 (Python's own) and 3.54.1 (apsw 3.54.1.0), Linux, 2026-11.
set -euo pipefail

command -v python3 >/dev/null || { echo "needs Python 3 with venv" >&2; exit 2; }
[ -r /proc/self/io ] || { echo "needs Linux's /proc/self/io" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check apsw==3.54.1.0 ||
    { echo "the packages could not be installed" >&2; exit 2; }

timeout -k 5 60 "$work/venv/bin/python" - "$work" <<'PYTHON' || { echo "not as described" >&2; exit 1; }
import pathlib, sqlite3, sys

import apsw

JOBS, COMMITS = 40, 20
folder = pathlib.Path(sys.argv[1])


def written():
    """Return the bytes and the calls that this process has written so far."""
    io = dict(line.split(": ") for line in pathlib.Path("/proc/self/io").read_text().splitlines())
    return int(io["wchar"]), int(io["syscw"])


def run(connect, name, savepoints, indexes=12, temp_store="DEFAULT"):
    """Commit jobs in groups; return bytes and calls per job, and the bytes of the write-ahead log."""
    path = folder / f"{name}.db"
    db = connect(str(path))
    for pragma in ("journal_mode = WAL", "synchronous = OFF", "wal_autocheckpoint = 0", f"temp_store = {temp_store}"):
        list(db.execute(f"PRAGMA {pragma}"))
    members = [f"m{n}" for n in range(indexes)]
    db.execute(f"CREATE TABLE jobs (id INTEGER PRIMARY KEY, state TEXT, body TEXT, {', '.join(members)})")
    for member in members:
        db.execute(f"CREATE INDEX jobs_by_{member} ON jobs (state, {member})")
    db.execute("BEGIN")
    marks = ", ".join("?" * indexes)
    for n in range(JOBS * COMMITS):
        values = [(n + 1) * (7919 + 2 * m) % 10_007 for m in range(indexes)]
        db.execute(f"INSERT INTO jobs VALUES (?, 'waiting', ?, {marks})", (n, "x" * 500, *values))
    db.execute("COMMIT")
    bytes_before, calls_before = written()
    log_before = path.with_name(path.name + "-wal").stat().st_size
    for commit in range(COMMITS):
        db.execute("BEGIN IMMEDIATE")
        for job in range(JOBS):
            if savepoints:
                db.execute("SAVEPOINT job")
            db.execute("UPDATE jobs SET state = 'done' WHERE id = ?", (job * COMMITS + commit,))
            if savepoints:
                db.execute("RELEASE job")
        db.execute("COMMIT")
    jobs = JOBS * COMMITS
    size, calls = ((after - before) / jobs for after, before in zip(written(), (bytes_before, calls_before)))
    log = (path.with_name(path.name + "-wal").stat().st_size - log_before) / jobs
    print(f"  {name}: {size:,.0f} bytes in {calls:.1f} writes a job, of them {log:,.0f} bytes to the log")
    db.close()
    return size, log


def of_python(path):
    return sqlite3.connect(path, isolation_level=None)


for version, connect in ((sqlite3.sqlite_version, of_python), (apsw.sqlite_lib_version(), apsw.Connection)):
    print("SQLite", version)
    plain, log = run(connect, f"{version} without savepoints", False)
    each, log_of_each = run(connect, f"{version} with a savepoint each", True)
    few, log_of_few = run(connect, f"{version} with a savepoint each, 4 indexes", True, indexes=4)
    memory, _ = run(connect, f"{version} with a savepoint each, temp_store = MEMORY", True, temp_store="MEMORY")
    assert plain < 1.2 * log, "something beside the log is written without savepoints"
    assert log_of_each < 1.2 * log, "the log itself grows"
    assert each > 2 * plain, "savepoints write no more"
    assert few < 1.2 * log_of_few, "so do savepoints that change less than 16 pages"
    assert memory < 1.2 * plain, "temp_store = MEMORY writes a file as well"
PYTHON
