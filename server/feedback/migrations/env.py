"""What Alembic runs for every command, on the connection that it is handed (server/feedback/schema.py)."""

from alembic import context

from server.feedback.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
