"""The scripts that made the bundled models, and what measures them. Not in the wheel."""
