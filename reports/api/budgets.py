"""Budgets in the API."""

from functools import partial
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from events.api.endpoint import Selectable
from events.api.managing.base import (
    Body,
    Changed,
    Created,
    Given,
    Listed,
    OfOwner,
    OwnerField,
    Removed,
    form_of,
    help_of,
)
from reports.cost.budget_form import AUDITED, BudgetForm
from reports.cost.budgets import Budget

_help = partial(help_of, Budget)


class BudgetSerializer(Selectable, serializers.ModelSerializer[Budget]):
    """The amount that an owner plans to spend per month, from a month on."""

    owner = serializers.CharField(source="owner.name", read_only=True, help_text="Name of the owner.")

    class Meta:
        model = Budget
        fields = ("id", "owner", "first_month", "amount")
        read_only_fields = fields


class BudgetChanges(Body):
    """Changes of a budget."""

    first_month = serializers.DateField(required=False, help_text=_help("first_month"))
    amount = serializers.DecimalField(
        max_digits=14, decimal_places=2, min_value=0, required=False, help_text=_help("amount")
    )


class BudgetBody(Body):
    """A budget to create."""

    owner = OwnerField(help_text="Name of the owner.")
    first_month = serializers.DateField(help_text=_help("first_month"))
    amount = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0, help_text=_help("amount"))


class BudgetViewSet(Listed, Created, Changed, Removed):
    """The budgets of the owners that the key administers."""

    queryset = Budget.objects.none()  # for the description
    serializer_class = BudgetSerializer
    filterset_class = OfOwner
    audited = AUDITED
    body = BudgetBody
    changes = BudgetChanges

    def get_queryset(self) -> QuerySet[Budget]:
        """Return the budgets of administered owners."""
        return self.access.limit_led(Budget.objects.select_related("owner"))

    @extend_schema(request=BudgetBody, responses={201: BudgetSerializer})
    def create(self, request: Request) -> Response:
        """Create a budget. It applies until the owner's next one."""
        return super().create(request)

    def make(self, given: Given) -> tuple[Budget, Given]:
        """Create a budget."""
        return form_of(BudgetForm, self.access, given).save(), {}

    @extend_schema(request=BudgetChanges, responses=BudgetSerializer)
    def partial_update(self, request: Request, **kwargs: object) -> Response:
        """Change a budget."""
        return super().partial_update(request, **kwargs)

    def change(self, row: Budget, given: Given) -> None:
        """Change a budget."""
        form_of(BudgetForm, self.access, given, row).save()

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete a budget. The one before it applies again."""
        return super().destroy(request, **kwargs)
