"""The steps, in the order that each tells of itself (`down_revision`)."""
