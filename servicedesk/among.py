"""`pk__among=ids`: what `pk__in=ids` finds, for hundreds of UUIDs at once.

Django prepares, copies and quotes each member of an `in`, and PostgreSQL then parses as many constants; here they go to
it as one array. On other databases it is `in`. For a reference write `ticket__pk__among`. In a statement that is kept
compiled, `servicedesk.selecting.AmongIds` says the same of ids that are only known at each run.
"""

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Lookup, UUIDField
from django.db.models.lookups import In
from django.db.models.sql.compiler import SQLCompiler

from servicedesk.bulk import array


@UUIDField.register_lookup
class Among(Lookup[Any]):
    """Members of a collection of UUIDs."""

    lookup_name = "among"
    prepare_rhs = False

    def get_prep_lookup(self) -> list[Any]:
        return list(self.rhs)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        return compiler.compile(In(self.lhs, self.rhs))

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        lhs, params = self.process_lhs(compiler, connection)
        return f"{lhs} = ANY(%s::uuid[])", [*params, array(self.rhs)]
