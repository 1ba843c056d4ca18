"""Alembic's environment: migrations run on the connection that bot.store.migrate hands over."""

from alembic import context

from bot.store.migrate import note
from bot.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite can't alter in place
    compare_server_default=True,
    on_version_apply=note,
)
with context.begin_transaction():
    context.run_migrations()
