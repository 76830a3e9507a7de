"""Queries in the read API: metrics by dimensions, over what the rollups know."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.api.endpoint import Endpoint
from reports.api.pages import PeriodSerializer, period_of, refusals, values_of
from reports.api.tables import unit_of
from reports.cost.numbers import plain
from reports.filters import Filters
from reports.pages import parameters
from reports.pages.building import choices_of
from reports.pages.parameters import GRANULARITIES
from reports.query import datasets
from reports.query.metrics import Dataset, Distinct, Metric, Quantile, Ratio, Sum
from reports.query.planner import answer, over_time
from reports.query.query import Query
from reports.rollups.columns import Key
from reports.rollups.rollup import Rollup

DATASETS: Mapping[str, Dataset] = {
    dataset.name: dataset for dataset in vars(datasets).values() if isinstance(dataset, Dataset)
}
MOST_ROWS, DEFAULT_ROWS = 1_000, 100
MOST_LINES = 20  # of a query over time
MOST_METRICS, MOST_DIMENSIONS, MOST_VALUES = 12, 3, 100
OWN = ("owner", "source")  # dimensions that every rollup has
FILTERS = ("owner", "source", "kind", "version", "country", "bots", "period", "from", "to", "zone")


class MetricSerializer(serializers.Serializer[Any]):
    """A metric of a dataset."""

    name = serializers.CharField()
    title = serializers.CharField()
    unit = serializers.CharField(allow_null=True)
    is_estimate = serializers.BooleanField()
    note = serializers.CharField(allow_blank=True)
    dimensions = serializers.ListField(child=serializers.CharField(), help_text="What it can be grouped by.")


class DatasetSerializer(serializers.Serializer[Any]):
    """Metrics that one query can ask for."""

    name = serializers.CharField()
    metrics = MetricSerializer(many=True)


@extend_schema_serializer(many=False)
class DatasetsSerializer(serializers.Serializer[Any]):
    """All datasets, without pages."""

    results = DatasetSerializer(many=True)


class QuerySerializer(serializers.Serializer[dict[str, Any]]):
    """A query: metrics of a dataset, by dimensions, of a period."""

    dataset = serializers.ChoiceField(choices=list(DATASETS))
    metrics = serializers.ListField(child=serializers.CharField(), min_length=1, max_length=MOST_METRICS)
    dimensions = serializers.ListField(
        child=serializers.CharField(), max_length=MOST_DIMENSIONS, required=False, default=list
    )
    filters = serializers.DictField(
        child=serializers.CharField(max_length=parameters.LONGEST_VALUE),
        required=False,
        default=dict,
        help_text=f"The filters of report pages: {', '.join(FILTERS)}. Commas separate several values.",
    )
    where = serializers.DictField(
        child=serializers.ListField(
            child=serializers.CharField(max_length=parameters.LONGEST_VALUE, allow_blank=True),
            min_length=1,
            max_length=MOST_VALUES,
        ),
        required=False,
        default=dict,
        help_text="Values of further dimensions: a list for each, one of which has to match.",
    )
    order = serializers.CharField(
        required=False, help_text="Metric or dimension, with a minus for descending order."
    )
    limit = serializers.IntegerField(min_value=1, max_value=MOST_ROWS, required=False)
    over_time = serializers.ChoiceField(
        choices=[str(each) for each in GRANULARITIES],
        required=False,
        help_text="Length of the buckets, for values over time. With a dimension, the rows are the largest"
        f" values of it (`limit`, at most {MOST_LINES}) and all others together.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse unknown members: a typo in a filter must not count everything."""
        unknown = sorted(set(self.initial_data) - set(self.fields))
        unknown_filters = sorted(set(attrs["filters"]) - set(FILTERS))
        if unknown:
            raise serializers.ValidationError(dict.fromkeys(unknown, "There is no such field."))
        if unknown_filters:
            text = f"There is no filter {unknown_filters[0]}. Filters are {', '.join(FILTERS)}."
            raise serializers.ValidationError({"filters": text})
        return attrs


class QueryAnswerSerializer(serializers.Serializer[Any]):
    """The rows of a query."""

    dataset = serializers.CharField()
    period = PeriodSerializer()
    of = serializers.IntegerField(help_text="Number of rows without the limit.")
    estimated = serializers.ListField(
        child=serializers.CharField(), help_text="Metrics that are estimated from a sample."
    )
    rows = serializers.ListField(
        child=serializers.DictField(),
        help_text="A member for each dimension and metric, and `bucket` in values over time. Exact decimals"
        " are text.",
    )


class QueryViewSet(Endpoint, viewsets.GenericViewSet[Any]):
    """Metrics by dimensions, of the owners that the reader may see."""

    pagination_class = None
    filter_backends = ()
    serializer_class = QuerySerializer

    @extend_schema(operation_id="list_datasets", responses=DatasetsSerializer)
    def list(self, request: Request) -> Response:
        """Return the datasets with their metrics and dimensions."""
        return Response({"results": [_described(each) for each in DATASETS.values()]})

    @extend_schema(operation_id="run_query", request=QuerySerializer, responses=QueryAnswerSerializer)
    def create(self, request: Request) -> Response:
        """Answer a query."""
        question = QuerySerializer(data=request.data)
        question.is_valid(raise_exception=True)
        asked, access = question.validated_data, Access(request.user)
        query = _query(asked, _filters(asked, access))
        found = (_over_time if "over_time" in asked else _rows)(query, asked, _names(access))
        return Response({"dataset": query.dataset.name, "period": period_of(query.filters.period), **found})


Names = Mapping[str, Mapping[Any, str]]  # of owners and sources by their ids


def dimensions_of(dataset: Dataset, metric: Metric) -> tuple[str, ...]:
    """Return what a metric can be grouped and filtered by: the keys that all of its rollups have."""
    rollups = {dataset.rollup_of(each) for each in _parts(dataset, metric)}
    common = set.intersection(*(_keys(rollup) for rollup in rollups))
    return (*OWN, *sorted(common))


def _keys(rollup: type[Rollup]) -> set[str]:
    # `what` tells apart the sets and histograms of one rollup. Keys that aren't texts are bins and flags.
    return {key.name for key in rollup.key_columns() if isinstance(key, Key)} - {"what"}


def _parts(dataset: Dataset, metric: Metric) -> list[Sum | Distinct | Quantile]:
    if isinstance(metric, Ratio):
        return [
            each for name in (metric.part, metric.whole) for each in _parts(dataset, dataset.metric(name))
        ]
    assert isinstance(metric, Sum | Distinct | Quantile), "there is no other kind"
    return [metric]


def _described(dataset: Dataset) -> dict[str, object]:
    return {
        "name": dataset.name,
        "metrics": [
            {
                "name": metric.name,
                "title": metric.heading,
                "unit": unit_of(metric.unit),
                "is_estimate": metric.is_estimate,
                "note": metric.note,
                "dimensions": list(dimensions_of(dataset, metric)),
            }
            for metric in dataset.metrics
        ],
    }


def _filters(asked: dict[str, Any], access: Access) -> Filters:
    """Return the filters. Raises ValidationError with what isn't understood."""
    params = {name: values_of(name, text, access) for name, text in asked["filters"].items()}
    params["compare"] = ["none"]
    if asked.get("over_time"):
        params["granularity"] = [asked["over_time"]]
    parsed = parameters.parse(params, choices_of(access), timezone.now())
    if parsed.errors:
        raise serializers.ValidationError({"filters": refusals(parsed.errors)})
    return parsed.filters


def _query(asked: dict[str, Any], filters: Filters) -> Query:
    """Return the query. Raises ValidationError where the dataset can't answer it."""
    dataset = DATASETS[asked["dataset"]]
    metrics = tuple(dict.fromkeys(asked["metrics"]))
    dimensions = tuple(dict.fromkeys(asked["dimensions"]))
    _check("metrics", metrics, tuple(dataset.by_name))
    of_all = [set(dimensions_of(dataset, dataset.metric(name))) for name in metrics]
    known = tuple(sorted(set.intersection(*of_all)))
    _check("dimensions", dimensions, known)
    _check("where", tuple(asked["where"]), tuple(name for name in known if name not in OWN))
    sorting = tuple(name for name in metrics if isinstance(dataset.metric(name), Sum | Ratio))
    if dimensions and not sorting:
        raise serializers.ValidationError({"metrics": "With dimensions, one must be a sum or a ratio."})
    order = asked.get("order") or (f"-{sorting[0]}" if sorting else "")
    if order:
        _check("order", (order.removeprefix("-"),), (*sorting, *dimensions))
    return Query(
        dataset, metrics, filters, dimensions, asked["where"], order, asked.get("limit", DEFAULT_ROWS)
    )


def _check(field: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        text = f"There is no {unknown[0][:100]!r} here. There are: {', '.join(known) or 'none'}."
        raise serializers.ValidationError({field: text})


def _rows(query: Query, _: object, named: Names) -> dict[str, object]:
    """Return a row for each combination of dimensions."""
    answered = answer(query)
    rows = [
        _keyed(query, row.keys, named) | {name: _number(row.values[name]) for name in query.metrics}
        for row in answered.rows
    ]
    return {"of": answered.of, "estimated": sorted(answered.estimated), "rows": rows}


def _over_time(query: Query, asked: dict[str, Any], named: Names) -> dict[str, object]:
    """Return a row for each bucket, and with a dimension for each of its largest values."""
    if len(query.dimensions) > 1:
        raise serializers.ValidationError({"dimensions": "Values over time have one dimension at most."})
    are_sums = all(isinstance(query.dataset.metric(name), Sum) for name in query.metrics)
    if query.dimensions and not are_sums:
        raise serializers.ValidationError({"metrics": "By a dimension, only sums have values over time."})
    lines = over_time(query, timezone.now(), most=min(asked.get("limit", MOST_LINES), MOST_LINES))
    starts = query.filters.period.buckets(query.filters.granularity)
    rows: list[dict[str, object]] = []
    for line in lines:
        keys: dict[str, object] = {}
        if query.dimensions:
            keys = dict.fromkeys(query.dimensions) if line.is_rest else _keyed(query, (line.key,), named)
            keys["is_rest"] = line.is_rest
        rows += [
            {"bucket": start.isoformat(), **keys}
            | {name: _number(line.values[name][place]) for name in query.metrics}
            for place, start in enumerate(starts)
        ]
    return {"of": len(rows), "estimated": [], "rows": rows}


def _keyed(query: Query, keys: tuple[Any, ...], named: Names) -> dict[str, object]:
    """Return the values of dimensions by name, with names for owners and sources."""
    pairs = zip(query.dimensions, keys, strict=True)
    return {name: named[name].get(key) if name in OWN else key for name, key in pairs}


def _names(access: Access) -> Names:
    return {
        "owner": {owner.pk: owner.name for owner in access.owners},
        "source": dict(access.visible_sources.values_list("pk", "name")),
    }


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat() if isinstance(value, datetime) else value
