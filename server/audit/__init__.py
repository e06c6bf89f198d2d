"""The audit log: what it says (line), how it is written (file), checked (chain) and counted (report)."""
