"""All URLs of Tally."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView, TemplateView

from events.admin.owners import Autocomplete
from events.api import exports
from events.api.problems import PROBLEMS
from ingestion.documentation import formats
from ingestion.rejected.remedies import as_html
from telemetry_project import documentation
from telemetry_project.api import router, schema
from telemetry_project.web import health

problems = {code: problem._replace(advice=as_html(problem.advice)) for code, problem in PROBLEMS.items()}
urlpatterns = [
    path("", include("ingestion.receiving.urls")),
    path("livez", health.live),
    path("readyz", health.ready),
    path("api/v1/exports/download/<str:token>/", exports.download, name="export-download"),
    path("api/v1/", include(router.urls)),
    path("api/schema/", schema, name="schema"),
    path("api/docs/", TemplateView.as_view(template_name="api/docs.html"), name="docs"),
    path(
        "api/problems/",
        TemplateView.as_view(template_name="api/problems.html", extra_context={"problems": problems}),
        name="problems",
    ),
    path("docs/", documentation.page, name="documentation"),
    path("docs/<path:path>", documentation.page),
    path("reference/formats/", formats.view, name="formats"),
    path("reports/", include("reports.pages.urls")),
    path("mail/", include("reports.mail.links")),
    path("admin/", include("events.accounts.urls")),
    path("admin/autocomplete/", admin.site.admin_view(Autocomplete.as_view(admin_site=admin.site))),
    path("admin/", admin.site.urls),
    # Links in mails lead here, wherever the page is.
    path(
        "reports/subscriptions/",
        RedirectView.as_view(pattern_name="admin:digests_subscription_changelist"),
        name="subscriptions",
    ),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
]

handler400 = "telemetry_project.web.errors.bad_request"
handler403 = "telemetry_project.web.errors.permission_denied"
handler404 = "telemetry_project.web.errors.page_not_found"
handler500 = "telemetry_project.web.errors.server_error"
