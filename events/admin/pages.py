"""The page of one row that nobody edits: a sentence, facts, documents."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from events.admin.base import ReadOnly, TallyAdmin
from events.admin.facts import Page


class PageAdmin(ReadOnly, TallyAdmin):
    """Rows that are read: a list, and a page for each."""

    page_template = "admin/facts_page.html"

    def page(self, request: HttpRequest, row: Any) -> Page:
        """What the page says of a row."""
        raise NotImplementedError

    def title_of(self, row: Any) -> str:
        """What the page is called."""
        return str(row)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a row, instead of a form. Another's row is as unknown as one that never was."""
        if object_id is None:
            raise PermissionDenied
        row = self.get_object(request, unquote(object_id))
        if row is None:
            messages.warning(request, f"There is no such {self.opts.verbose_name}, or you may not see it.")
            return redirect(self._back(request))
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": row,
            "title": self.title_of(row),
            "page": self.page(request, row),
            "back": self._back(request),
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, self.page_template, context)

    def _back(self, request: HttpRequest) -> str:
        """The list as the person left it: filters and page."""
        url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        kept = request.GET.get("_changelist_filters", "")
        return f"{url}?{kept}" if kept else url
