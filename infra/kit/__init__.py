"""For whoever adds an intent: a handler's tasks run in memory, through the real steps, against a scripted provider."""
