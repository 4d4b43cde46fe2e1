"""Plans, subscriptions, grants, payment events and invoices."""

# SQLAlchemy types its generic column types only in part.
# pyright: reportUnknownArgumentType=false
from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_ID = sa.Uuid(as_uuid=False)

# Names, prices in cents, days of trial, seconds of delay, and how many of each.
_PLANS = """
    INSERT INTO serving.plans (plan_id, name, price_minor, currency, trial_days, signal_delay_s, streams, alerts, webhooks,
        api_keys, requests_per_minute, burst, export, position)
    VALUES
        ('free', 'Free', 0, 'EUR', 0, 900, 1, 1, 1, 1, 300, 100, false, 0),
        ('pro', 'Pro', 2900, 'EUR', 14, 0, 10, 50, 5, 5, 1200, 300, true, 10),
        ('team', 'Team', 9900, 'EUR', 14, 0, 50, 500, 25, 25, 6000, 1000, true, 20)
"""

# What a document says is for ever: only whether it is paid, and how much was given back, may change.
_GUARD = """
    CREATE FUNCTION serving.keep_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        changing CONSTANT text[] := ARRAY['status', 'paid_at', 'refunded_minor', 'payment_ref', 'user_id'];
    BEGIN
        IF TG_OP <> 'UPDATE' OR to_jsonb(OLD) - changing IS DISTINCT FROM to_jsonb(NEW) - changing THEN
            RAISE EXCEPTION '% of %.% is refused: an invoice stays as it was written', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$
"""


def upgrade() -> None:
    """Create the tables, and the plans there are at first."""
    _plans()
    _subscriptions()
    _grants()
    _trial_uses()
    _billing_accounts()
    _billing_events()
    _invoice_numbers()
    _invoices()
    op.execute("CREATE SEQUENCE serving.billing_tickets")
    op.execute(_PLANS)
    op.execute("INSERT INTO serving.invoice_numbers (series, last) VALUES ('INV', 0), ('CN', 0)")
    op.execute(_GUARD)
    op.execute(
        "CREATE TRIGGER invoices_kept BEFORE UPDATE OR DELETE ON serving.invoices "
        "FOR EACH ROW EXECUTE FUNCTION serving.keep_invoice()"
    )
    op.execute(
        "CREATE TRIGGER invoices_not_emptied BEFORE TRUNCATE ON serving.invoices "
        "FOR EACH STATEMENT EXECUTE FUNCTION serving.keep_invoice()"
    )


def _plans() -> None:
    op.create_table(
        "plans",
        sa.Column("plan_id", sa.Text(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("interval", sa.Text(), nullable=False, server_default="month"),
        sa.Column("trial_days", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("markets", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("timeframes", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("signal_delay_s", sa.Integer(), nullable=False),
        sa.Column("history_s", sa.BigInteger(), nullable=True),
        sa.Column("streams", sa.Integer(), nullable=False),
        sa.Column("alerts", sa.Integer(), nullable=False),
        sa.Column("webhooks", sa.Integer(), nullable=False),
        sa.Column("api_keys", sa.Integer(), nullable=False),
        sa.Column("requests_per_minute", sa.Integer(), nullable=False),
        sa.Column("burst", sa.Integer(), nullable=False),
        sa.Column("export", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("active", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("stripe_price", sa.Text(), nullable=True),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name="plans_currency"),
        sa.CheckConstraint("plan_id ~ '^[a-z][a-z0-9_-]{0,31}$'", name="plans_id"),
        sa.CheckConstraint("interval IN ('month', 'year')", name="plans_interval"),
        sa.CheckConstraint(
            "least(price_minor, trial_days, signal_delay_s, coalesce(history_s, 0), streams, alerts, webhooks, api_keys) >= 0 AND least(requests_per_minute, burst) >= 1",
            name="plans_numbers",
        ),
        sa.UniqueConstraint("position", name="plans_position"),
        sa.UniqueConstraint("stripe_price", name="plans_stripe_price"),
        schema="serving",
    )


def _subscriptions() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("subscription_id", _ID, primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("serving.users.user_id", ondelete="SET NULL"), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("plan_id", sa.Text(), sa.ForeignKey("serving.plans.plan_id"), nullable=False),
        sa.Column("next_plan_id", sa.Text(), sa.ForeignKey("serving.plans.plan_id"), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("period_start", _TIME, nullable=True),
        sa.Column("period_end", _TIME, nullable=True),
        sa.Column("trial_end", _TIME, nullable=True),
        sa.Column("cancel_at_period_end", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("past_due_since", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("disputed_at", _TIME, nullable=True),
        sa.Column("dispute_won_at", _TIME, nullable=True),
        sa.Column("entitled_until", _TIME, nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("reminders", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("checkout_ref", sa.Text(), nullable=True),
        sa.Column("checkout_url", sa.Text(), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
        sa.CheckConstraint("provider IN ('manual', 'stripe')", name="subscriptions_provider"),
        sa.UniqueConstraint("provider", "provider_ref", name="subscriptions_provider_ref"),
        sa.CheckConstraint(
            "status IN ('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'ended')", name="subscriptions_status"
        ),
        schema="serving",
    )
    op.create_index(
        "subscriptions_due",
        "subscriptions",
        ["period_end"],
        schema="serving",
        postgresql_where=sa.text("status <> 'ended'"),
    )
    op.create_index("subscriptions_user", "subscriptions", ["user_id", "created_at"], schema="serving")


def _grants() -> None:
    op.create_table(
        "grants",
        sa.Column("grant_id", _ID, primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("serving.users.user_id", ondelete="CASCADE"), nullable=False),
        sa.Column("plan_id", sa.Text(), sa.ForeignKey("serving.plans.plan_id"), nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("granted_by", _ID, sa.ForeignKey("serving.users.user_id", ondelete="SET NULL"), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME, nullable=True),
        schema="serving",
    )
    op.create_index("grants_user", "grants", ["user_id", "until"], schema="serving")


def _trial_uses() -> None:
    op.create_table(
        "trial_uses",
        sa.Column("email_digest", sa.LargeBinary(), primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("serving.users.user_id", ondelete="SET NULL"), nullable=True),
        sa.Column("used_at", _TIME, nullable=False),
        sa.UniqueConstraint("user_id", name="trial_uses_user"),
        schema="serving",
    )


def _billing_accounts() -> None:
    op.create_table(
        "billing_accounts",
        sa.Column("user_id", _ID, sa.ForeignKey("serving.users.user_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("stripe_customer", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False, server_default=""),
        sa.Column("address", sa.Text(), nullable=False, server_default=""),
        sa.Column("country", sa.Text(), nullable=False, server_default=""),
        sa.Column("tax_id", sa.Text(), nullable=False, server_default=""),
        sa.UniqueConstraint("stripe_customer", name="billing_accounts_customer"),
        schema="serving",
    )


def _billing_events() -> None:
    op.create_table(
        "billing_events",
        sa.Column("provider", sa.Text(), primary_key=True),
        sa.Column("event_id", sa.Text(), primary_key=True),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("processed_at", _TIME, nullable=True),
        schema="serving",
    )
    op.create_index("billing_events_received", "billing_events", ["received_at"], schema="serving")


def _invoice_numbers() -> None:
    op.create_table(
        "invoice_numbers",
        sa.Column("series", sa.Text(), primary_key=True),
        sa.Column("last", sa.BigInteger(), nullable=False),
        schema="serving",
    )


def _invoices() -> None:
    op.create_table(
        "invoices",
        sa.Column("invoice_id", _ID, primary_key=True),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("corrects_id", _ID, sa.ForeignKey("serving.invoices.invoice_id"), nullable=True),
        sa.Column("user_id", _ID, sa.ForeignKey("serving.users.user_id", ondelete="SET NULL"), nullable=True),
        sa.Column("subscription_id", _ID, sa.ForeignKey("serving.subscriptions.subscription_id"), nullable=True),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=False),
        sa.Column("payment_ref", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_rate_bp", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("seller", postgresql.JSONB(), nullable=False),
        sa.Column("buyer", postgresql.JSONB(), nullable=False),
        sa.Column("period_start", _TIME, nullable=True),
        sa.Column("period_end", _TIME, nullable=True),
        sa.Column("issued_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=True),
        sa.Column("paid_at", _TIME, nullable=True),
        sa.Column("refunded_minor", sa.BigInteger(), nullable=False, server_default="0"),
        sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name="invoices_kind"),
        sa.UniqueConstraint("series", "number", name="invoices_number"),
        sa.UniqueConstraint("provider", "provider_ref", name="invoices_provider_ref"),
        sa.CheckConstraint(
            "refunded_minor >= 0 AND refunded_minor <= greatest(total_minor, 0)", name="invoices_refunded"
        ),
        sa.CheckConstraint("status IN ('open', 'paid', 'void')", name="invoices_status"),
        sa.CheckConstraint("net_minor + tax_minor = total_minor", name="invoices_sum"),
        schema="serving",
    )
    op.create_index("invoices_subscription", "invoices", ["subscription_id", "issued_at"], schema="serving")
    op.create_index("invoices_user", "invoices", ["user_id", "issued_at", "series", "number"], schema="serving")


def downgrade() -> None:
    """Drop them. Subscriptions and invoices are gone then: back up before."""
    for table in (
        "invoices",
        "invoice_numbers",
        "billing_events",
        "billing_accounts",
        "trial_uses",
        "grants",
        "subscriptions",
        "plans",
    ):
        op.drop_table(table, schema="serving")
    op.execute("DROP FUNCTION serving.keep_invoice()")
    op.execute("DROP SEQUENCE serving.billing_tickets")
