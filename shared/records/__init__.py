"""Documents and who writes them: a change flows in, one compare-and-set commit flows out, for tasks, approvals and
dead letters alike. Every write of the pipeline is here. Touch it when something is to be stored or decided differently.
"""
