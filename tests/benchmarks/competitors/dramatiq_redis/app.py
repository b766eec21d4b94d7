"""dramatiq on Redis, with its defaults: a message is acknowledged after its task, and tried again where that failed."""

from __future__ import annotations

import os
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from fastapi import FastAPI
from routing import act, ask, gemini, shop

dramatiq.set_broker(RedisBroker(url=os.environ["REDIS_URL"]))
model, orders = gemini(), shop()


@dramatiq.actor
def route(ticket: dict[str, Any]) -> None:
    order_id = ask(model, ticket)
    if order_id:
        act(orders, ticket, order_id)


web = FastAPI()


@web.post("/", status_code=202)
def accept(ticket: dict[str, Any]) -> dict[str, str]:
    route.send(ticket)
    return {"task_id": ticket["task_id"]}
