"""The one question: a task's texts and the list of intents flow in, the question put to a model flows out, and its
answer comes back unread. Pure, the embedded classifier included; the SDKs lie with the other adapters. Touch it when
the model is to be asked or taught differently.
"""
