"""What runs and ships Switchyard: embedded backend, emulator stack, vendor sandbox, demo, the kit for intents."""
