"""Rows in the order of their ids, through the index of what they are narrowed to.

For `topic = 'x' ORDER BY id`, PostgreSQL may walk all ids and leave out what does not fit, in the hope of meeting some
soon: where all such rows are old, it reads the table. If it is asked for one of two topics, in the order of the topic
and then the id, it has the topic's index alone to go by.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Self, TypeVar

from django.db import models

#: No column that is held has more.
MOST_CHARACTERS = 255

M = TypeVar("M", bound=models.Model)


class WalkQuerySet(models.QuerySet[M]):
    #: A column of one value, which an index has before the id; and what that index has for the id.
    held: str = ""
    id_column: str = "pk"
    #: "gt" and "lt" → the bounds that the id has.
    bounds: Mapping[str, int] = MappingProxyType({})

    def bounded(self, **bounds: int) -> Self:
        """Return the rows whose id is within these, "gt" or "lt", and so is the id in the index of what is held next.

        Of a column of another table, too: that its id is the same, PostgreSQL does not make use of.
        """
        rows = self.filter(**{f"pk__{name}": bound for name, bound in bounds.items()})
        for name, tighter in (("gt", max), ("lt", min)):
            if name in bounds:
                rows.bounds = {**rows.bounds, name: tighter(bounds[name], rows.bounds.get(name, bounds[name]))}
        return rows

    def hold(self, column: str, value: str | bytes, *, id_column: str = "pk", **also: Any) -> Self:
        """Return the rows with this value, and `also` these; by id, they are ordered by the index then.

        Of several columns, the last is held.
        """
        nothing: str | bytes = b"" if isinstance(value, bytes) else "-" * (MOST_CHARACTERS + 1)
        if id_column != "pk":
            also |= {f"{id_column}__{name}": bound for name, bound in self.bounds.items()}
        rows = self.filter(**also, **{f"{column}__in": (value, nothing)})
        return rows.led_by(column, id_column)

    def led_by(self, column: str, id_column: str = "pk") -> Self:
        """Return the same rows; by id, they are ordered by this column first."""
        rows = self._clone()
        rows.held, rows.id_column = column, id_column
        if not self.query.order_by:
            return rows
        return rows.order_by("-pk" if str(self.query.order_by[-1]).startswith("-") else "pk")

    def order_by(self, *names: Any) -> Self:
        # Nothing behind an id matters.
        if self.held and names and names[0] in ("pk", "-pk"):
            sign = names[0].removesuffix("pk")
            names = (sign + self.held, sign + self.id_column)
        return super().order_by(*names)

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]  # not in the stubs
        clone.held, clone.id_column, clone.bounds = self.held, self.id_column, self.bounds
        return clone
