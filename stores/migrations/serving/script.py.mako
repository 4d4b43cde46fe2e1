"""${message}."""

# SQLAlchemy types its generic column types only in part.
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Apply the change."""
    ${upgrades if upgrades else "raise NotImplementedError"}


def downgrade() -> None:
    """Take the change back."""
    ${downgrades if downgrades else "raise NotImplementedError"}
