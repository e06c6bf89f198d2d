"""How the tables of one version become those of the next, one file a step in `versions` (Alembic)."""
