"""URLs of the report pages, one per registered page."""

from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from events.spreadsheets.files import FORMATS
from reports.pages.cost.billing_months import close_month
from reports.pages.cost.focus_export import export
from reports.pages.registry import PAGES
from reports.pages.views import view_of

app_name = "reports"
urlpatterns = [path(f"{page.name}/", view_of(page), name=page.name) for page in PAGES]
urlpatterns += [
    path("months/close/", admin.site.admin_view(close_month), name="close-month"),
    *(
        path(f"cost/focus.{form}", admin.site.admin_view(export), {"form": form}, name=f"focus-{form}")
        for form in FORMATS
    ),
    path("", RedirectView.as_view(pattern_name=f"reports:{PAGES[0].name}"), name="first"),
]
