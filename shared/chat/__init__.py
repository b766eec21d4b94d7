"""Decisions in a chat: a task and its intent flow in; cards in the form of Slack and of Google Chat, and what their
buttons carry, flow out. Pure. Touch it when people in a chat shall see or do something else.
"""
