"""Lists of objects for the ORM: an unmanaged model for each view of a list.

`RELATIONS["share_items"].objects.filter(obj_id="do_1")`. The models are outside Django's registry of apps, so
that they have no migrations, permissions or admin pages. They see all owners: filter by `owner_id`.
"""

from collections.abc import Callable

from django.apps.registry import Apps
from django.db import models

from events.sql import lists
from events.sql.view import SCHEMA, View

_APPS = Apps()
_FIELDS: dict[str, type[models.Field[object, object]]] = {
    "event_id": models.UUIDField,
    "occurred_at": models.DateTimeField,
    "owner_id": models.BigIntegerField,
    "source_id": models.BigIntegerField,
    "position": models.IntegerField,
    "param": models.IntegerField,
    "score": models.FloatField,
}


# By the function that the view's expression calls; a list column is JSON.
_BY_FUNCTION: dict[str, Callable[[], models.Field[object, object]]] = {
    "telemetry.as_number(": lambda: models.DecimalField(max_digits=1000, decimal_places=300),
    "p.number": lambda: models.DecimalField(max_digits=1000, decimal_places=300),
    "telemetry.as_text(": models.TextField,
    "(i.item #>": models.JSONField,
}


def _field(name: str, expression: str) -> models.Field[object, object]:
    if name in _FIELDS:
        # Rows have no primary key. With the event's, Django can create instances.
        return _FIELDS[name](primary_key=name == "event_id")
    return next(
        (make() for start, make in _BY_FUNCTION.items() if expression.startswith(start)), models.TextField()
    )


def _model(view: View) -> type[models.Model]:
    members: dict[str, object] = {
        column.name: _field(column.name, column.expression) for column in view.columns
    }
    options = {"app_label": SCHEMA, "apps": _APPS, "managed": False, "db_table": f'{SCHEMA}"."{view.name}'}
    members |= {"Meta": type("Meta", (), options), "__module__": __name__, "__doc__": view.comment}
    return type(view.name.title().replace("_", ""), (models.Model,), members)


RELATIONS: dict[str, type[models.Model]] = {view.name: _model(view) for view in lists.views()}
