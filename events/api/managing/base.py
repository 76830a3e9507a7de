"""The common behaviour of endpoints that manage.

A body is read in two steps. Its serializer knows names and types, resolves owners by name among those that
the key administers, and refuses unknown members. The form, which is the admin's, knows the rules.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import django_filters
from django import forms
from django.db import IntegrityError, models, transaction
from django.forms.models import model_to_dict
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.exceptions import APIException
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.accounts import audit
from events.accounts.audit import Actor
from events.api.endpoint import Endpoint
from events.api.pagination import KeysetPagination
from events.lib.row_lock import lock
from events.managing.audited import Audited
from events.ownership.api_key import Permission
from events.ownership.owner import Owner

ACCESS, SHOWN, ROW = "access", "shown", "row"  # in the context of serializers
Given = dict[str, Any]
AnyForm = forms.ModelForm[Any]


def help_of(model: type[models.Model], name: str) -> str:
    """Return the help text of a column."""
    field: Any = model._meta.get_field(name)
    return str(field.help_text)


class Conflict(APIException):
    """The current state doesn't allow the change."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "Something else changed this at the same time. Try again."


class OwnerField(serializers.CharField):
    """An owner that the key administers, by name."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Return the owner of a valid name. Raises ValidationError."""
        access: Access = self.context[ACCESS]
        owner = access.led.named(super().run_validation(data)).first()
        if owner is None:
            raise serializers.ValidationError("This key administers no owner with this name.")
        return owner


class Body(serializers.Serializer[Any]):
    """The body of a request. Unknown members are refused by name, with those that have other faults."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the values. Raises ValidationError."""
        names = set(data) if isinstance(data, Mapping) else set()
        shown = self.context.get(SHOWN, ())
        errors: dict[str, Any] = {
            str(name)[:100]: ["It can't be set." if name in shown else "There is no such field."]
            for name in sorted(names - set(self.fields), key=str)
        }
        found: Any = {}
        try:
            found = super().to_internal_value(data)
        except serializers.ValidationError as error:
            errors |= dict(error.detail) if isinstance(error.detail, dict) else {"": error.detail}
        if errors:
            raise serializers.ValidationError(errors)
        return found


class OfOwner(django_filters.FilterSet):
    """Filter by the name of an owner."""

    owner = django_filters.CharFilter(method="by_owner", help_text="Name of the owner, in any case.")
    path = "owner_id"

    def by_owner(self, rows: models.QuerySet[Any], _: str, name: str) -> models.QuerySet[Any]:
        """Filter by the name of an owner that the key administers."""
        assert self.request is not None, "filters are made by views"
        owners = Access(self.request.user).led.named(name).values_list("pk", flat=True)
        return rows.filter(**{f"{self.path}__in": list(owners)})


class Managing(Endpoint, viewsets.GenericViewSet[Any]):
    """Base class of views that manage, which needs a key with that permission."""

    needs: tuple[Permission, ...] = (Permission.MANAGE,)
    needs_to_change: tuple[Permission, ...] = (Permission.MANAGE,)
    pagination_class: Any = KeysetPagination
    lookup_value_converter = "int"
    audited: Audited
    body: type[Body]  # of a new object
    changes: type[Body]  # of a change

    @cached_property
    def access(self) -> Access:
        """The access of the key."""
        return Access(self.request.user)

    @property
    def actor(self) -> Actor:
        """The key, for the audit trail."""
        return audit.actor_of(self.request)

    def get_object(self) -> Any:
        """Return the object. To be changed, it is locked and read again: saving it writes all its columns."""
        row = super().get_object()
        if self.request.method in SAFE_METHODS:
            return row
        lock(row)
        return super().get_object()

    def get_serializer_context(self) -> dict[str, Any]:
        """Add what bodies are checked against."""
        context = super().get_serializer_context()
        return {**context, ACCESS: self.access if context["request"] else None}

    def read(self, body: type[Body], row: Any = None) -> Given:
        """Return the values of the body, of a new object or a change of `row`. Raises ValidationError."""
        shown = getattr(getattr(self._serializer(), "Meta", None), "fields", ())
        context = {**self.get_serializer_context(), SHOWN: shown, ROW: row}
        found = body(data=self.request.data, context=context)
        found.is_valid(raise_exception=True)
        values: Given = found.validated_data
        return values

    def answer(self, row: Any, more: Given | None = None, code: int = status.HTTP_200_OK) -> Response:
        """Return an object, and what is shown only once."""
        headers = {"Cache-Control": "no-store"} if more else {}
        if code == status.HTTP_201_CREATED:
            headers["Location"] = reverse(f"{self.basename}-detail", args=[row.pk])
        return Response({**self.get_serializer(row).data, **(more or {})}, code, headers=headers)


class Listed(mixins.ListModelMixin, mixins.RetrieveModelMixin, Managing):
    """Adds reading."""


class Created(Managing, ABC):
    """Adds creating."""

    def create(self, request: Request) -> Response:
        """Create one."""
        given = self.read(self.body)
        with written():
            row, once = self.make(given)
            self.audited.made(self.actor, row)
        return self.answer(row, once, status.HTTP_201_CREATED)

    @abstractmethod
    def make(self, given: Given) -> tuple[Any, Given]:
        """Create an object. Return it, with what is shown only once."""


class Changed(Managing, ABC):
    """Adds changing."""

    def partial_update(self, request: Request, **_: object) -> Response:
        """Change what the body names."""
        with written():
            row = self.get_object()
            given = self.read(self.changes, row)
            before = self.audited.state(row)
            self.change(row, given)
            self.audited.changed(self.actor, row, before)
        return self.answer(row)

    @abstractmethod
    def change(self, row: Any, given: Given) -> None:
        """Change an object."""


class Removed(Managing):
    """Adds removing."""

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, **_: object) -> Response:
        """Remove it."""
        with written():
            self.remove(self.get_object())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def remove(self, row: Any) -> None:
        """Remove an object."""
        self.audited.removed(self.actor, row)
        row.delete()


@contextmanager
def written() -> Iterator[None]:
    """Write in a transaction. Raises `Conflict` if another one wrote the same at the same time."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        raise Conflict from error


def form_of(
    form: type[AnyForm], access: Access, given: Given, row: models.Model | None = None, **attributes: object
) -> Any:
    """Return the valid form for the values given; others stay as they are, or get their default.

    Raises ValidationError with the form's errors.
    """
    blank = form()
    current = model_to_dict(row, list(blank.fields)) if row else _defaults(blank)
    filled = form(data=_with_keys({**current, **given}), instance=row)
    for name, value in {"access": access, **attributes}.items():
        setattr(filled, name, value)
    for field in filled.fields.values():
        if (
            isinstance(field, forms.ModelChoiceField)
            and field.queryset is not None
            and field.queryset.model is Owner
        ):
            field.queryset = access.led
    if not filled.is_valid():
        raise serializers.ValidationError(
            {
                "" if name == "__all__" else name: [str(text) for text in texts]
                for name, texts in filled.errors.items()
            }
        )
    return filled


def _defaults(form: AnyForm) -> Given:
    initial = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    return {name: value for name, value in initial.items() if value is not None}


def _with_keys(values: Given) -> Given:
    """Return the values with keys instead of rows, as forms read them."""
    return {
        name: [_key(each) for each in value] if isinstance(value, list) else _key(value)
        for name, value in values.items()
    }


def _key(value: object) -> object:
    return value.pk if isinstance(value, models.Model) else value
