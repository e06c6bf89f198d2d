"""What a reader would read: texts whose letters were disguised, as they are meant to be read."""
