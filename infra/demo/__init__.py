"""The main job, shown: signed webhooks of every vendor in, tasks decided and executed, effects counted."""
