"""Measurements of a running server. They print figures; nothing is asserted on time."""
