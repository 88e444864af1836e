"""Run the migrations on the connection that the store hands over, inside its transaction."""

from alembic import context

from pertimage.audit.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
