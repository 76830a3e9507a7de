"""The mark of a partitioned model: a plain class, so that migrations record it among the bases."""


class PartitionedById:
    """A model whose primary key column `id` is an event id: partitioned by week (see partitions.py)."""
