"""What runs and ships Switchyard: embedded backend, emulator stack, vendor sandbox, manifest, demo."""
