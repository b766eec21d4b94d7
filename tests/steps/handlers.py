"""Handlers that look something up and then change something, and the tasks they are for."""

from __future__ import annotations

from typing import Any

from tests.world import CANCEL_ORDER, CHANGE_ADDRESS, ORDER_STATUS, REFUND, SUMMARY

ACCEPTED = [ORDER_STATUS, REFUND, SUMMARY, CANCEL_ORDER, CHANGE_ADDRESS]


async def write(params: Any, ctx: Any) -> str:
    """A handler that looks something up and then changes something."""
    await ctx.http.call("GET", "/orders/1")
    await ctx.http.call("POST", "/orders/1/cancel", key=ctx.effect_key)
    return "written"


def write_and(then: Any) -> Any:
    """A handler that changes something and then ends as told."""

    async def handle(params: Any, ctx: Any) -> Any:
        await write(params, ctx)
        if isinstance(then, BaseException):
            raise then
        return then

    return handle
