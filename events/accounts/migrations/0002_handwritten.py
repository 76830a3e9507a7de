"""The groups that show roles, and the trigger that makes the audit trail append-only."""

from django.db import migrations

REFUSE = """
-- Erasing an actor may blot out what an entry says of it; nothing else changes.
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND current_setting('tally.erasing', true) = 'on'
        AND to_jsonb(OLD) - '{about,before,after}'::text[] = to_jsonb(NEW) - '{about,before,after}'::text[]
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The audit trail is append-only.' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
"""
ALLOW = """
DROP TRIGGER append_only ON accounts_auditentry;
DROP FUNCTION audit_is_append_only();
"""
GROUPS = """
INSERT INTO auth_group (name) VALUES ('Platform operator'), ('Team lead') ON CONFLICT DO NOTHING;
"""
NO_GROUPS = """
DELETE FROM auth_group WHERE name IN ('Platform operator', 'Team lead');
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial"), ("auth", "0012_alter_user_first_name_max_length")]
    operations = [migrations.RunSQL(REFUSE, ALLOW), migrations.RunSQL(GROUPS, NO_GROUPS)]
