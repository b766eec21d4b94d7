"""What may run: the model's answer, the policy and today's usage flow in; a plan flows out: execute, or pause with all
the reasons. Pure. The model can lower autonomy, never raise it. Touch it when something must hold before an effect.
"""
