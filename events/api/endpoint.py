"""Endpoint: the common behaviour of all endpoints of the read API.

Unknown parameters are refused. `fields` selects members of the answer. Answers have an ETag, and are
compressed if the client accepts that. An answer is private and must be revalidated; with its ETag that costs
no body.
"""

from typing import Any

from django.views.decorators.cache import cache_control
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page
from django.views.decorators.vary import vary_on_headers
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from events.api.authentication import policy
from events.api.problems import BadParameter
from events.fields.vocabulary import Vocabulary

FIELDS = "fields"
AnySerializer = type[serializers.BaseSerializer[Any]]


class Filters(DjangoFilterBackend):
    """Filters that report errors as problem details."""

    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        """Return the rows that match the filters. Raises `BadParameter`."""
        filterset = self.get_filterset(request, queryset, view)
        if filterset is None:
            return queryset
        if not filterset.is_valid():
            errors = {name: [str(each) for each in found] for name, found in filterset.errors.items()}
            raise BadParameter("bad_parameter", errors)
        return filterset.qs


class Endpoint:
    """Mixed into views. `parameters` are those beside what filters, pages and fields have."""

    parameters: tuple[str, ...] = ()
    filterset_class: Any = None
    has_lines = False  # lists can be lines of JSON: events.api.lines
    vocabulary: Vocabulary | None = None  # of the list's filters, instead of a class of them
    rows = ""  # what the list has, in operation IDs of OpenAPI; by default the path says it

    @classmethod
    def as_view(cls, *args: object, **kwargs: object) -> Any:
        """Return the view. Its responses are compressed, conditional and private."""
        view = super().as_view(*args, **kwargs)  # type: ignore[misc]  # of the view that this is mixed into
        view = vary_on_headers("Authorization", "Cookie")(cache_control(private=True, no_cache=True)(view))
        # The ETag is computed before compression, which makes it a weak one.
        return gzip_page(conditional_page(view))

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Authenticate first: strangers don't learn which parameters exist."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]  # of the view that this is mixed into
        if request.method in ("GET", "HEAD"):
            refuse_unknown(request, self.known_parameters(), self._filtered_by())

    def finalize_response(self, *args: object, **kwargs: object) -> Any:
        """Add the rate limit to the response."""
        response = super().finalize_response(*args, **kwargs)  # type: ignore[misc]  # as above
        if limit := policy():
            response["RateLimit-Policy"] = limit
        return response

    def known_parameters(self) -> set[str]:
        """Return the names of the parameters."""
        known = set(self.parameters)
        if issubclass(self._serializer(), Selectable):
            known.add(FIELDS)
        if not getattr(self, "detail", False) and self.filterset_class:
            known |= set(self.filterset_class.base_filters)
        if vocabulary := self._filtered_by():
            known |= {name for name, _ in vocabulary} | set(vocabulary.shorthands)
        if not self._is_single() and (pagination := getattr(self, "pagination_class", None)):
            known |= pagination.parameters()
        return known

    def get_serializer_context(self) -> dict[str, Any]:
        """Add the selected fields."""
        context: dict[str, Any] = super().get_serializer_context()  # type: ignore[misc]  # as above
        request = context["request"]
        is_read = request is not None and request.method in SAFE_METHODS
        return {**context, FIELDS: selected(request, self._serializer()) if is_read else None}

    def described_parameters(self) -> list[dict[str, Any]]:
        """Return further parameters for OpenAPI."""
        return []

    def _filtered_by(self) -> Vocabulary | None:
        """Return the vocabulary of the filters; None for a single row."""
        return None if getattr(self, "detail", False) else self.vocabulary

    def _is_single(self) -> bool:
        return getattr(self, "action", "") == "retrieve"

    def _serializer(self) -> AnySerializer:
        found = getattr(self, "get_serializer_class", None)
        return found() if found else serializers.Serializer


def refuse_unknown(request: Request, known: set[str], vocabulary: Vocabulary | None = None) -> None:
    """Raise `BadParameter` for unknown names, and for a parameter that is sent twice."""
    errors = {
        name: ["There is no such parameter."]
        for name in request.query_params
        if name not in known and not (vocabulary and vocabulary.read(name)[0])
    }
    if errors:
        raise BadParameter("unknown_parameter", errors, known)
    # Generated clients repeat `fields` for each of them.
    twice = [name for name, values in request.query_params.lists() if len(values) > 1 and name != FIELDS]
    if twice:
        raise BadParameter("bad_parameter", {name: ["It may be given only once."] for name in twice})


Fields = dict[str, serializers.Field[Any, Any, Any, Any]]  # of a serializer


class Selectable(serializers.BaseSerializer[Any]):
    """A serializer whose fields can be chosen by `fields`."""

    @classmethod
    def selectable(cls) -> tuple[str, ...]:
        """Return the names of the fields that can be selected."""
        names: tuple[str, ...] = cls.Meta.fields  # type: ignore[attr-defined]  # every one of ours has it
        return names

    @classmethod
    def unselectable(cls, names: frozenset[str]) -> list[str]:
        """Return the names among those that can't be selected."""
        return sorted(names.difference(cls.selectable()))

    def get_fields(self) -> dict[str, Any]:
        """Return the selected fields; all if none is selected."""
        fields: Fields = super().get_fields()  # type: ignore[misc]  # of the serializer mixed into
        return {name: field for name, field in fields.items() if self.wants(name)}

    def wants(self, name: str) -> bool:
        """True if a member is selected."""
        chosen = self.context.get(FIELDS)
        return chosen is None or name in chosen


def selected(request: Request, serializer: type) -> frozenset[str] | None:
    """Return the selected fields, None for all. Raises `BadParameter` for unknown ones."""
    text = ",".join(request.query_params.getlist(FIELDS))
    if not text or not issubclass(serializer, Selectable):
        return None
    names = frozenset(name.strip() for name in text.split(",") if name.strip())
    unknown = serializer.unselectable(names)
    if unknown:
        there = ", ".join(serializer.selectable())
        errors = [f"There is no field {name[:100]!r}. The fields are: {there}." for name in unknown[:10]]
        raise BadParameter("bad_parameter", {FIELDS: errors})
    return names or None
