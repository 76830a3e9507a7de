"""Price plans, discounts and platform costs: what usage costs, and for whom."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models.functions import Trunc

from events.ownership.owner import Organization, Owner
from reports.cost.meters import METERS, PRICED
from reports.cost.numbers import ZERO

PRICED_METERS = [(name, METERS[name].label) for name in PRICED]
WHOLE_HOUR = "Charges are computed by the hour, so this must be the start of an hour (UTC)."


def begins_an_hour(name: str) -> models.Q:
    """Return the condition that a field's time is the beginning of an hour."""
    return models.Q(**{name: Trunc(name, "hour")})


class PricePlan(models.Model):
    """A list of prices in one currency."""

    name = models.CharField(max_length=100, unique=True, help_text="Name shown to people.")
    currency = models.CharField(
        max_length=3,
        default="EUR",
        validators=[RegexValidator("^[A-Z]{3}$", "Three capital letters, such as EUR.")],
        help_text="ISO 4217 code. It can't be changed later, because charges refer to it.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "price plan"

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    """The price of a unit of a meter under a plan, from an hour on, until a newer price of the same meter.

    The price with the latest `valid_from` that has passed is in force; of equal ones, the one created last.
    The database refuses to change a price that has been charged: a new one supersedes it.
    """

    plan = models.ForeignKey(PricePlan, on_delete=models.PROTECT, related_name="prices")
    meter = models.CharField(max_length=20, choices=PRICED_METERS)
    sku = models.CharField("SKU", max_length=50, help_text="It stays the same when the price changes.")
    unit_price = models.DecimalField(
        max_digits=20,
        decimal_places=10,
        validators=[MinValueValidator(ZERO)],
        help_text="Price of 1,000,000 events, of a GB (10^9 bytes), or of a GB stored for a month.",
    )
    valid_from = models.DateTimeField(help_text=f"UTC. {WHOLE_HOUR}")
    charged_at = models.DateTimeField(
        null=True,
        editable=False,
        help_text="Time of the first charge with this price. After that it can't be changed.",
    )

    class Meta:
        ordering = ["plan", "meter", "-valid_from", "-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(unit_price__gte=0), name="price_not_negative"),
            models.CheckConstraint(
                condition=begins_an_hour("valid_from"),
                name="price_from_hour",
                violation_error_message=WHOLE_HOUR,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sku} {self.unit_price.normalize():f} from {self.valid_from:%Y-%m-%d %H:00}"

    def clean(self) -> None:
        """Refuse to change a price that has been charged."""
        if self.charged_at:
            raise ValidationError("This price has been charged. Add a new price to supersede it.")


class PriceTier(models.Model):
    """Another unit price for the part of a month's quantity above a limit (graduated pricing)."""

    price = models.ForeignKey(Price, on_delete=models.CASCADE, related_name="tiers")
    above = models.DecimalField(
        max_digits=20,
        decimal_places=6,
        help_text="Applies to the owner's usage in a month above this number of pricing units.",
    )
    unit_price = models.DecimalField(max_digits=20, decimal_places=10, validators=[MinValueValidator(ZERO)])

    class Meta:
        ordering = ["above"]
        verbose_name = "tier"
        constraints = [
            models.UniqueConstraint(fields=["price", "above"], name="tier_once"),
            models.CheckConstraint(
                condition=models.Q(above__gt=0, unit_price__gte=0), name="tier_is_above_nothing"
            ),
        ]

    def __str__(self) -> str:
        return f"above {self.above.normalize():f}: {self.unit_price.normalize():f}"


class PlanAssignment(models.Model):
    """The plan of an organization, or of one of its owners, from an hour on.

    An owner's own assignment takes precedence over the organization's; of several, the newest in force.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="plans")
    owner = models.ForeignKey(
        Owner,
        on_delete=models.CASCADE,
        related_name="plans",
        null=True,
        blank=True,
        help_text="Empty: for all owners without a plan of their own.",
    )
    plan = models.ForeignKey(PricePlan, on_delete=models.PROTECT, related_name="assignments")
    valid_from = models.DateTimeField(help_text=f"UTC. {WHOLE_HOUR}")

    class Meta:
        ordering = ["organization", "owner", "-valid_from", "-id"]
        verbose_name = "plan of an owner"
        verbose_name_plural = "plans in force"
        constraints = [
            models.CheckConstraint(
                condition=begins_an_hour("valid_from"),
                name="assignment_from_hour",
                violation_error_message=WHOLE_HOUR,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan} for {self.owner or self.organization} from {self.valid_from:%Y-%m-%d %H:00}"

    def clean(self) -> None:
        """Require an owner of the organization, and one currency for all its plans."""
        if self.owner_id and self.owner and self.owner.organization_id != self.organization_id:
            raise ValidationError({"owner": "This owner belongs to another organization."})
        others = PlanAssignment.objects.filter(organization_id=self.organization_id).exclude(pk=self.pk)
        if self.plan_id and others.exclude(plan__currency=self.plan.currency).exists():
            raise ValidationError({"plan": "All plans of an organization must have the same currency."})


class Discount(models.Model):
    """A discount of an owner for a time. Discounts don't add up: the newest in force applies."""

    owner = models.ForeignKey(Owner, on_delete=models.CASCADE, related_name="discounts")
    percent = models.DecimalField(
        max_digits=6, decimal_places=3, help_text="Percentage off every unit price."
    )
    valid_from = models.DateTimeField(help_text=f"UTC. {WHOLE_HOUR}")
    valid_until = models.DateTimeField(
        null=True, blank=True, help_text=f"UTC, exclusive. Empty: no end. {WHOLE_HOUR}"
    )

    class Meta:
        ordering = ["owner", "-valid_from", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(percent__gt=0, percent__lte=100),
                name="discount_is_percent",
                violation_error_message="More than 0 and at most 100.",
            ),
            models.CheckConstraint(
                condition=begins_an_hour("valid_from")
                & (models.Q(valid_until=None) | begins_an_hour("valid_until")),
                name="discount_from_hour",
                violation_error_message=WHOLE_HOUR,
            ),
            models.CheckConstraint(
                condition=models.Q(valid_until=None) | models.Q(valid_until__gt=models.F("valid_from")),
                name="discount_has_time",
                violation_error_message="The end must be after the start.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.percent.normalize():f} % for {self.owner}"


class Method(models.TextChoices):
    """Ways to share a platform cost."""

    EVENLY = "evenly", "Evenly among the owners that sent or stored data in the month"
    EVENTS = "events", "In proportion to accepted events"
    INGESTED = "ingested", "In proportion to ingested data"
    STORED = "stored", "In proportion to stored data"


class PlatformCost(models.Model):
    """A fixed monthly cost from one month to another, shared among owners to the last cent."""

    organization = models.ForeignKey(
        Organization,
        on_delete=models.CASCADE,
        related_name="platform_costs",
        null=True,
        blank=True,
        help_text="Organization that pays it. Empty: every organization pays the full amount.",
    )
    name = models.CharField(max_length=100, help_text="Purpose of the cost.")
    amount = models.DecimalField(
        max_digits=14,
        decimal_places=2,
        validators=[MinValueValidator(ZERO)],
        help_text="Amount per month, in the currency of the organization's plan.",
    )
    method = models.CharField(max_length=10, choices=Method, default=Method.INGESTED)
    first_month = models.DateField(help_text="First day of the first month.")
    last_month = models.DateField(
        null=True, blank=True, help_text="First day of the last month. Empty: no end."
    )

    class Meta:
        ordering = ["organization", "name", "first_month"]
        verbose_name = "platform cost"
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="platform_cost_not_negative"),
            models.CheckConstraint(
                condition=models.Q(first_month__day=1)
                & (models.Q(last_month=None) | models.Q(last_month__day=1)),
                name="platform_cost_by_month",
                violation_error_message="Enter the first day of a month.",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a last month before the first, which would silently charge nobody."""
        months = [month for month in (self.first_month, self.last_month) if month]
        if months != sorted(months):
            raise ValidationError({"last_month": "The last month must not be before the first."})
