"""Exports in the API: requests, progress and downloads."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.exceptions import APIException, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from events.access import Access
from events.accounts import audit
from events.api.endpoint import Endpoint
from events.api.exported import EXPORTABLE
from events.api.pagination import KeysetPagination
from events.api.problems import BadParameter, plain_response
from events.exports import downloads, jobs, parquet_file
from events.exports.formats import EXPORT_FORMATS
from events.exports.jobs import ExportJob, State
from events.wire.values import is_unstorable

LONGEST = 10_000  # characters of the filters as a query string
CANCELLED = "You cancelled this export."
FILTERS = "filters."


class ExportSerializer(serializers.ModelSerializer[ExportJob]):
    """An export, with its progress."""

    format = serializers.CharField(source="form", read_only=True, help_text="Format of its file.")
    filters = serializers.SerializerMethodField(help_text="Filters as requested.")
    error = serializers.CharField(
        source="reason", read_only=True, help_text="Why it was cancelled or failed; otherwise empty."
    )
    download_url = serializers.SerializerMethodField(
        help_text="Address of the file, once it is ready. It is signed, needs no key, and works until"
        " `expires_at`, as long as the reader has access to all owners."
    )

    class Meta:
        model = ExportJob
        fields = (
            "id",
            "what",
            "filters",
            "format",
            "state",
            "rows",
            "bytes",
            "error",
            "download_url",
            "created_at",
            "finished_at",
            "expires_at",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
    def get_filters(self, job: ExportJob) -> dict[str, str]:
        """Return the filters by name."""
        return {name: str(value) for name, value in QueryDict(job.query).items()}

    @extend_schema_field({"type": ["string", "null"], "format": "uri"})
    def get_download_url(self, job: ExportJob) -> str | None:
        """Return the signed address, or None if the file isn't ready."""
        if job.state != State.DONE:
            return None
        path = reverse("export-download", args=[job.token()])
        url: str = self.context["request"].build_absolute_uri(path)
        return url


class FiltersField(serializers.Field[Any, Any, Any, Any]):
    """Filters by name, each a text, a number or a boolean."""

    def to_internal_value(self, data: Any) -> QueryDict:
        """Return the filters as a query string's. Raises ValidationError."""
        if not isinstance(data, dict):
            raise serializers.ValidationError('Send an object, such as {"kind": "log"}.')
        found = QueryDict(mutable=True)
        for name, value in data.items():
            if not isinstance(value, str | int | float):
                raise serializers.ValidationError(
                    f"{name[:100]!r} must be a text, a number or a boolean; separate several by commas."
                )
            if is_unstorable(name) or is_unstorable(value):
                raise serializers.ValidationError("A filter has characters that can't be stored.")
            found[name] = str(value).lower() if isinstance(value, bool) else str(value)
        if len(found.urlencode()) > LONGEST:
            raise serializers.ValidationError(f"At most {LONGEST:,} characters in all.")
        return found

    def to_representation(self, value: Any) -> Any:
        """Return the filters by name."""
        return value.dict()


class ExportRequestSerializer(serializers.Serializer[dict[str, Any]]):
    """A request for an export."""

    what = serializers.ChoiceField(choices=(), help_text="List to export.")
    format = serializers.ChoiceField(choices=list(EXPORT_FORMATS), help_text="Format of the file.")
    filters = extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})(
        FiltersField
    )(required=False, help_text="Filters, by the names of the parameters of the list.")

    def get_fields(self) -> Any:
        """Add the choices: reports register theirs after this module is loaded."""
        fields: Any = super().get_fields()
        fields["what"].choices = sorted(EXPORTABLE)
        return fields

    def validate_format(self, form: str) -> str:
        """Refuse Parquet without its library."""
        if form == "parquet" and not parquet_file.is_available():
            raise serializers.ValidationError(parquet_file.MISSING)
        return form

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse unknown members: a misspelled `filters` must not export everything."""
        if unknown := sorted(set(self.initial_data) - set(self.fields)):
            raise serializers.ValidationError(dict.fromkeys(unknown, "There is no such field."))
        return attrs


class TooManyExports(APIException):
    """The reader has too many unfinished exports."""

    status_code = 429
    default_code = "too_many_exports"
    default_detail = f"You have {jobs.MOST_OPEN} unfinished exports. Wait for one to finish, or cancel one."


class ExportViewSet(Endpoint, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Any]):
    """Exports that the key or the person has requested."""

    queryset = ExportJob.objects.none()  # for the description: the real one is the reader's
    serializer_class = ExportSerializer
    filter_backends = ()
    pagination_class = KeysetPagination
    lookup_value_converter = "int"

    def get_queryset(self) -> QuerySet[ExportJob]:
        """Return the reader's own exports by API. The admin has those of its lists."""
        return jobs.of_reader(self.request.user).exclude(what="")

    @extend_schema(request=ExportRequestSerializer, responses={202: ExportSerializer})
    def create(self, request: Request) -> Response:
        """Request an export, which a worker makes. Follow its progress at the address in `Location`."""
        wanted = ExportRequestSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        said = wanted.validated_data
        filters: QueryDict = said.get("filters") or QueryDict()
        access = Access(request.user)
        if access.is_empty:
            raise PermissionDenied("You have no access to any owner.")
        try:
            EXPORTABLE[said["what"]](access, filters)
        except BadParameter as error:
            named = {FILTERS + name: messages for name, messages in error.errors.items()}
            raise BadParameter(error.code, named, error.known) from error
        job = _request(request, said["what"], said["format"], filters)
        headers = {"Location": reverse("export-detail", args=[job.pk])}
        return Response(self.get_serializer(job).data, status.HTTP_202_ACCEPTED, headers=headers)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, **_: object) -> Response:
        """Cancel an export, or delete the file of a finished one."""
        jobs.cancel(self.get_object(), CANCELLED, timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


def _request(request: Request, what: str, form: str, filters: QueryDict) -> ExportJob:
    now = timezone.now()
    name = f"{what}-{now:%Y%m%d-%H%M%S}.{form}"
    with transaction.atomic():
        job = jobs.request_export(request.user, "", form, filters.urlencode(), name, now, what=what)
        if job is None:
            raise TooManyExports
        access = Access(request.user)
        named = str(filters.get("owner") or "")
        owned = access.owners_named(named) if named else list(access.owner_ids)
        owner = next((each for each in access.owners if [each.pk] == owned), None)
        after = {key: str(value) for key, value in filters.items()}
        audit.record(
            audit.actor_of(request), "export.made", f"{what} as {form.upper()}", owner=owner, after=after
        )
    return job


@require_safe
def download(request: HttpRequest, token: str) -> HttpResponseBase:
    """Send the file of a signed address, as long as its reader has access to everything in it."""
    signed = jobs.job_id_of(token)
    job = ExportJob.objects.exclude(what="").filter(pk=signed).first() if signed is not None else None
    response = downloads.of(job, timezone.now()) if job else None
    return response or plain_response(request, 404, "There is no such file, or it has expired.")
