"""Sizes of rejected events by owner, maintained by triggers on every insert, update and delete."""

from django.db import models

from events.ownership.owner import Owner


class RejectedSize(models.Model):
    """One row per owner: the size of its rejected events."""

    owner = models.OneToOneField(
        Owner, on_delete=models.CASCADE, primary_key=True, db_constraint=False, related_name="+"
    )
    bytes = models.BigIntegerField(help_text="Bodies of its rejected events, and 1 KiB for each event.")

    def __str__(self) -> str:
        return f"{self.bytes:,} bytes"


# Each statement adds one sum for each owner, which `ingestion/receiving/admission.py` reads.
TRIGGERS = """
CREATE FUNCTION ingestion_size_rejected() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM ingestion_rejectedsize;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO ingestion_rejectedsize AS size (owner_id, bytes)
        SELECT owner_id, sum(octet_length(body) + 1024) FROM added GROUP BY 1 ORDER BY 1
        ON CONFLICT (owner_id) DO UPDATE SET bytes = size.bytes + excluded.bytes;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO ingestion_rejectedsize AS size (owner_id, bytes)
        SELECT owner_id, -sum(octet_length(body) + 1024) FROM gone GROUP BY 1 ORDER BY 1
        ON CONFLICT (owner_id) DO UPDATE SET bytes = size.bytes + excluded.bytes;
    ELSE
        INSERT INTO ingestion_rejectedsize AS size (owner_id, bytes)
        SELECT owner_id, sum(bytes) FROM (
            SELECT owner_id, octet_length(body) + 1024 AS bytes FROM added
            UNION ALL SELECT owner_id, -octet_length(body) - 1024 FROM gone
        ) AS changed GROUP BY 1 HAVING sum(bytes) <> 0 ORDER BY 1
        ON CONFLICT (owner_id) DO UPDATE SET bytes = size.bytes + excluded.bytes;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER size_added AFTER INSERT ON ingestion_rejectedevent REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ingestion_size_rejected();
CREATE TRIGGER size_gone AFTER DELETE ON ingestion_rejectedevent REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION ingestion_size_rejected();
CREATE TRIGGER size_changed AFTER UPDATE ON ingestion_rejectedevent
    REFERENCING OLD TABLE AS gone NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ingestion_size_rejected();
CREATE TRIGGER size_emptied AFTER TRUNCATE ON ingestion_rejectedevent
    FOR EACH STATEMENT EXECUTE FUNCTION ingestion_size_rejected();
INSERT INTO ingestion_rejectedsize (owner_id, bytes)
    SELECT owner_id, sum(octet_length(body) + 1024) FROM ingestion_rejectedevent GROUP BY 1;
"""
