"""The scorers: detoxify behind a screen, a detector in another process, a script; `registry` knows them by name."""
