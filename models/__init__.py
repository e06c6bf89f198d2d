"""The bundled models, as data."""
