"""Huey on SQLite, with its defaults: a message is deleted when its task begins, so a crash loses what runs."""

from __future__ import annotations

import os
from typing import Any

from fastapi import FastAPI
from huey import SqliteHuey
from routing import act, ask, gemini, shop

huey = SqliteHuey(filename=os.path.join(os.environ["FOLDER"], "huey.db"), results=False)
model, orders = gemini(), shop()


@huey.task()
def route(ticket: dict[str, Any]) -> str:
    order_id = ask(model, ticket)
    return act(orders, ticket, order_id) if order_id else "for people"


web = FastAPI()


@web.post("/", status_code=202)
def accept(ticket: dict[str, Any]) -> dict[str, str]:
    route(ticket)
    return {"task_id": ticket["task_id"]}
