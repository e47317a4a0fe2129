"""Pages by id: each goes on behind the last row of the one before, whatever has come or gone meanwhile."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.serializers import IntegerField

MAX_ID = 2**63 - 1


class Pages(CursorPagination):
    """Highest id first, unless a filter has ordered the rows. What is no cursor or no size is answered 400."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1000
    ordering = "-pk"

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        # What a filter holds comes before the id: see `WalkQuerySet`.
        return ("pk",) if queryset.query.order_by[-1:] == ("pk",) else (self.ordering,)

    def get_page_size(self, request: Request) -> int:
        field = IntegerField(min_value=1, max_value=self.max_page_size)
        try:
            size: int = field.run_validation(request.query_params.get("page_size", self.page_size))
        except ValidationError as error:
            raise ValidationError({"page_size": error.detail}) from None
        return size

    def decode_cursor(self, request: Request) -> Cursor | None:
        refusal = ValidationError({"cursor": [_("No cursor of this list: take the links as they are.")]})
        try:
            cursor = super().decode_cursor(request)
        except NotFound:
            raise refusal from None
        position = "0" if cursor is None or cursor.position is None else str(cursor.position)
        if not re.fullmatch("[0-9]{1,19}", position) or int(position) > MAX_ID:
            raise refusal
        return cursor

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        cursor, size = super().get_schema_operation_parameters(view)
        size["schema"] |= {"minimum": 1, "maximum": self.max_page_size, "default": self.page_size}
        return [cursor, size]
