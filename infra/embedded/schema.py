"""The tables of the embedded backend. Times are integers, microseconds since 1970; documents are JSON text."""

from __future__ import annotations

FORMAT = 1  # PRAGMA user_version; another number means another, unreadable layout

SCHEMA = """
CREATE TABLE IF NOT EXISTS clock (last_us INTEGER NOT NULL);
INSERT INTO clock SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM clock);

CREATE TABLE IF NOT EXISTS docs (
    path TEXT PRIMARY KEY,
    collection TEXT NOT NULL,
    data TEXT NOT NULL,
    version TEXT NOT NULL
);
-- What the sweeper and the ops page ask for, so that a million tasks are as fast as ten.
CREATE INDEX IF NOT EXISTS tasks_to_check ON docs (json_extract(data, '$.next_check_at'), path)
    WHERE collection = 'tasks' AND json_extract(data, '$.next_check_at') IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_by_time ON docs (json_extract(data, '$.created_at'), path)
    WHERE collection = 'tasks';
CREATE INDEX IF NOT EXISTS tasks_by_state
    ON docs (json_extract(data, '$.state'), json_extract(data, '$.created_at'), path) WHERE collection = 'tasks';
CREATE INDEX IF NOT EXISTS tasks_by_intent
    ON docs (json_extract(data, '$.intent'), json_extract(data, '$.created_at'), path) WHERE collection = 'tasks';
CREATE INDEX IF NOT EXISTS approvals_open ON docs (json_extract(data, '$.status'), path)
    WHERE collection = 'approvals' AND json_extract(data, '$.outcome') IS NULL;
CREATE INDEX IF NOT EXISTS docs_to_expire ON docs (json_extract(data, '$.expire_at'))
    WHERE json_extract(data, '$.expire_at') IS NOT NULL;

-- One row per message and subscription, until it is acknowledged. due_at_us: when it may be delivered (again).
CREATE TABLE IF NOT EXISTS queue (
    id INTEGER PRIMARY KEY,
    subscription TEXT NOT NULL,
    due_at_us INTEGER NOT NULL,
    leased INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    message_id TEXT NOT NULL,
    published_at_us INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS queue_by_due ON queue (subscription, due_at_us, id);

-- The latest messages of topics that nobody subscribes to, to look at.
CREATE TABLE IF NOT EXISTS unsubscribed (
    topic TEXT NOT NULL,
    seq INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    published_at_us INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (topic, seq)
);
"""
