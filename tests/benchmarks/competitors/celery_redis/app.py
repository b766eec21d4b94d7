"""Celery on Redis, with its defaults: a message is acknowledged before its task runs, so a crash loses what runs."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init
from fastapi import FastAPI
from routing import act, ask, gemini, shop

celery = Celery("tickets", broker=os.environ["REDIS_URL"])
celery.conf.task_ignore_result = True  # nobody asks for results; Celery's own advice then
clients: dict[str, Any] = {}


@worker_process_init.connect
def connect(**_: object) -> None:
    """Open connections in each worker process, not before it is forked."""
    clients.update(model=gemini(), shop=shop())


@celery.task
def route(ticket: dict[str, Any]) -> str:
    order_id = ask(clients["model"], ticket)
    return act(clients["shop"], ticket, order_id) if order_id else "for people"


web = FastAPI()


@web.post("/", status_code=202)
def accept(ticket: dict[str, Any]) -> dict[str, str]:
    route.delay(ticket)
    return {"task_id": ticket["task_id"]}
