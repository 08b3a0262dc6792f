"""Says to SQLAlchemy's suite what DuckDB has, under modframe's dialect, and what it hasn't."""

from __future__ import annotations

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

HAS = """
aggregate_order_by array_type async_dialect boolean_col_expressions
cast_precision_numerics_many_significant_digits comment_reflection comment_reflection_full_unicode
computed_columns computed_columns_virtual create_or_replace_view create_table_as
create_temp_table_as ctes ctes_on_dml ctes_with_update_delete ctes_with_values date_historic
datetime_historic datetime_interval datetime_literals datetime_timezone
datetime_timezone_historic delete_from except_ expression_server_defaults fetch_expression
fetch_first fetch_no_order_by float_or_double_precision_behaves_generically has_temp_table
implicit_default_schema index_ddl_if_exists indexes_with_expressions infinity_floats intersect
json_type mod_operator_as_percent_sign nullsordering order_by_label_with_expression
percent_schema_names precision_numerics_enotation_small
precision_numerics_many_significant_digits precision_numerics_retains_significant_digits
reflect_indexes_with_expressions regexp_match regexp_replace schema_create_delete schemas
server_defaults supports_bitwise_and supports_bitwise_not supports_bitwise_or
supports_bitwise_shift supports_bitwise_xor supports_distinct_on table_ddl_if_exists
table_value_constructor temp_table_comment_reflection temp_table_names temporary_views
timestamp_microseconds tuple_in tuple_in_w_empty unicode_ddl update_from uuid_data_type views
window_functions window_range window_range_non_numeric window_range_numeric
""".split()  # noqa: SIM905 - a list of seventy strings is harder to read

LACKS = {
    "autocommit": "DuckDB has one isolation level",
    "isolation_level": "DuckDB has one isolation level",
    "savepoints": "DuckDB has none; `begin_nested` is refused with advice",
    "two_phase_transactions": "DuckDB has none",
    "deferrable_fks": "modframe's sessions check references themselves",
    "on_update_cascade": "modframe's sessions check references themselves",
    "foreign_key_constraint_reflection": "modframe makes no foreign keys on DuckDB",
    "unique_constraint_reflection": "modframe makes unique indexes, which have names",
    "server_side_cursors": "rows are fetched in the job that runs the statement",
    "implements_get_lastrowid": "DuckDB has RETURNING instead",
    "supports_lastrowid": "DuckDB has RETURNING instead",
    "check_constraint_reflection": "DuckDB doesn't keep the names of checks",
    "inline_check_constraint_reflection": "DuckDB doesn't keep the names of checks",
    "reflect_indexes_with_ascdesc": "DuckDB's indexes have no direction",
}


class Requirements(SuiteRequirements):
    """`HAS` and `LACKS` over SQLAlchemy's own assumptions."""


def _say(names: object, rule: object) -> None:
    for name in names:  # type: ignore[attr-defined]
        setattr(Requirements, name, property(lambda _self: rule))


_say(HAS, exclusions.open())
_say(LACKS, exclusions.closed())
