"""The audit trail still only grows, except that erasing an actor may blot out what an entry says of it."""

from django.db import migrations

ALLOW_REDACTION = """
CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('tally.erasing', true) = 'on'
        AND to_jsonb(OLD) - '{about,before,after}'::text[] = to_jsonb(NEW) - '{about,before,after}'::text[]
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The audit trail is append-only.' USING ERRCODE = 'restrict_violation';
END
$$;
"""
REFUSE = """
CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit trail is append-only.' USING ERRCODE = 'restrict_violation';
END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_handwritten")]
    operations = [migrations.RunSQL(ALLOW_REDACTION, REFUSE)]
