"""What decisions prove: verdicts flow in; a threshold that keeps a promise, an alarm when one is broken, and what a
confidence was worth flow out. Pure statistics that know nothing of tasks. Touch it when a promise is to be proven in
another way.
"""
