"""Around every step: an HTTP request flows in, a delivery goes to the step, its outcome becomes a status and one log
line. Touch it when something must hold for every function at once.
"""
