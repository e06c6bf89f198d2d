"""Moves tokens: the gateway, the guard and the engine. Counts in tokens; text is judged in `filters`."""
