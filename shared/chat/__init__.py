"""Tasks as a chat shows them. A task and its intent flow in; cards in Slack's and Google Chat's form, and what their
buttons carry, flow out. Touch it when people in a chat shall see or do something else. Pure.
"""
