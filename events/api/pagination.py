"""Cursor pagination over events: pages by key, never by OFFSET, no counts."""

from rest_framework.pagination import CursorPagination


class EventPagination(CursorPagination):
    """Newest first, or as they arrived; 100 a page, up to 1,000 with `page_size`."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1_000
    ordering = ("-id",)
    # `ordering` is read by EventOrdering, so that only orders an index serves are taken.
