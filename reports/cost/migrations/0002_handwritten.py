"""Rules that the database itself enforces: closed months, charged prices, one currency per organization."""

from django.db import migrations

GUARD = """
CREATE FUNCTION cost_closed_month_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.state = 'closed' OR TG_OP = 'UPDATE' AND OLD.state = 'closed' AND
        (NEW.organization_id, NEW.month, NEW.currency, NEW.state, NEW.closed_at, NEW.closed_by,
         NEW.charged_until) IS DISTINCT FROM
        (OLD.organization_id, OLD.month, OLD.currency, OLD.state, OLD.closed_at, OLD.closed_by,
         OLD.charged_until)
    THEN
        RAISE EXCEPTION 'A closed month never changes.' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER closed_stays BEFORE UPDATE OR DELETE ON cost_billingmonth
    FOR EACH ROW EXECUTE FUNCTION cost_closed_month_stays();

CREATE FUNCTION cost_closed_charges_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM touched t JOIN cost_billingmonth m ON m.id = t.billing_month_id
               WHERE m.state = 'closed')
    THEN
        RAISE EXCEPTION 'The charges of a closed month never change.' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION cost_charged_price_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.charged_at IS NOT NULL THEN
        RAISE EXCEPTION 'A price that was charged is never changed; a new one supersedes it.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER charged_stays BEFORE UPDATE OR DELETE ON cost_price
    FOR EACH ROW EXECUTE FUNCTION cost_charged_price_stays();

CREATE FUNCTION cost_tiers_of_charged_price_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM cost_price WHERE charged_at IS NOT NULL AND
               (TG_OP <> 'INSERT' AND id = OLD.price_id OR TG_OP <> 'DELETE' AND id = NEW.price_id))
    THEN
        RAISE EXCEPTION 'A price that was charged is never changed; a new one supersedes it.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER charged_stays BEFORE INSERT OR UPDATE OR DELETE ON cost_pricetier
    FOR EACH ROW EXECUTE FUNCTION cost_tiers_of_charged_price_stay();

CREATE FUNCTION cost_one_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM cost_planassignment a JOIN cost_priceplan p ON p.id = a.plan_id,
               cost_priceplan mine
               WHERE mine.id = NEW.plan_id AND a.organization_id = NEW.organization_id AND a.id <> NEW.id
               AND p.currency <> mine.currency)
    THEN
        RAISE EXCEPTION 'All plans of an organization must have the same currency.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER one_currency BEFORE INSERT OR UPDATE ON cost_planassignment
    FOR EACH ROW EXECUTE FUNCTION cost_one_currency();

CREATE FUNCTION cost_currency_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.currency <> OLD.currency AND EXISTS (SELECT 1 FROM cost_planassignment WHERE plan_id = OLD.id) THEN
        RAISE EXCEPTION 'The currency of a plan that is in force never changes.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER currency_stays BEFORE UPDATE ON cost_priceplan
    FOR EACH ROW EXECUTE FUNCTION cost_currency_stays();
"""
# A statement at a time, not a row: hundreds of thousands of rows come in one COPY.
EACH = """
CREATE TRIGGER closed_gets_none AFTER INSERT ON {table} REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION cost_closed_charges_stay();
CREATE TRIGGER closed_keeps_values AFTER UPDATE ON {table} REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION cost_closed_charges_stay();
CREATE TRIGGER closed_takes_none AFTER UPDATE ON {table} REFERENCING NEW TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION cost_closed_charges_stay();
CREATE TRIGGER closed_loses_none AFTER DELETE ON {table} REFERENCING OLD TABLE AS touched
    FOR EACH STATEMENT EXECUTE FUNCTION cost_closed_charges_stay();
"""
UNGUARD = """
DROP FUNCTION cost_closed_month_stays() CASCADE;
DROP FUNCTION cost_closed_charges_stay() CASCADE;
DROP FUNCTION cost_charged_price_stays() CASCADE;
DROP FUNCTION cost_tiers_of_charged_price_stay() CASCADE;
DROP FUNCTION cost_one_currency() CASCADE;
DROP FUNCTION cost_currency_stays() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("cost", "0001_initial")]
    operations = [
        migrations.RunSQL(
            GUARD + EACH.format(table="cost_charge") + EACH.format(table="cost_chargeday"), UNGUARD
        )
    ]
