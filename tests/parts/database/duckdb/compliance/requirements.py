"""Says to SQLAlchemy's suite what DuckDB has, under modframe's dialect, and what it hasn't."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

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
implicit_default_schema index_ddl_if_exists indexes_with_expressions indexes_check_column_order infinity_floats intersect
json_type legacy_unconditional_json_extract mod_operator_as_percent_sign nullsordering order_by_label_with_expression
percent_schema_names precision_numerics_enotation_small
precision_numerics_many_significant_digits precision_numerics_retains_significant_digits
reflect_indexes_with_expressions reflect_table_options regexp_match regexp_replace schema_create_delete schemas
server_defaults supports_bitwise_and supports_bitwise_not supports_bitwise_or
supports_bitwise_shift supports_bitwise_xor supports_distinct_on table_ddl_if_exists
table_value_constructor temp_table_comment_reflection temp_table_names temporary_views
timestamp_microseconds tuple_in tuple_in_w_empty unicode_ddl update_from uuid_data_type views
window_functions window_range window_range_non_numeric window_range_numeric
"""

LACKS = {
    "DuckDB has one isolation level": "autocommit isolation_level",
    "DuckDB has no savepoints; `begin_nested` is refused with advice": "savepoints",
    "DuckDB has no two-phase commit": "two_phase_transactions",
    "modframe makes no foreign keys on DuckDB: its sessions check references": """
        cross_schema_fk_reflection deferrable_fks foreign_key_constraint_name_reflection
        foreign_key_constraint_option_reflection_ondelete
        foreign_key_constraint_option_reflection_onupdate foreign_key_constraint_reflection
        fk_constraint_option_reflection_ondelete_noaction
        fk_constraint_option_reflection_ondelete_restrict
        fk_constraint_option_reflection_onupdate_restrict on_update_cascade""",
    "modframe makes unique indexes, which have names": "unique_constraint_reflection",
    "DuckDB doesn't keep the names of checks and of primary keys": """
        check_constraint_reflection inline_check_constraint_reflection reflects_pk_names""",
    "DuckDB has sequences, and no identity columns": """
        identity_columns identity_columns_standard sequences_optional""",
    "DuckDB's indexes have no direction and include no columns": """
        index_reflects_included_columns reflect_indexes_with_ascdesc""",
    "DuckDB doesn't keep the collations of columns": "column_collation_reflection",
    "the suite wants a name of a collation that all engines have": "order_by_collation",
    "DuckDB has no FETCH with PERCENT or TIES": "fetch_offset_with_options fetch_percent fetch_ties",
    "DuckDB has one type of strings": "nvarchar_types",
    "DuckDB has no materialized views": "materialized_views materialized_views_reflect_pk",
    "rows are fetched in the job that runs the statement": "server_side_cursors",
    "DuckDB has RETURNING instead": "implements_get_lastrowid supports_lastrowid",
}
"""What DuckDB lacks, by the reason that a skipped case shows."""


class Requirements(SuiteRequirements):
    """`HAS` and `LACKS`; for all else SQLAlchemy's own assumptions."""


def _say(names: str, rule: Callable[[], object]) -> None:
    """Give each requirement a rule of its own at each look: decorators add theirs to it."""
    for name in names.split():
        setattr(Requirements, name, property(lambda _self: rule()))


_say(HAS, exclusions.open)
for _reason, _names in LACKS.items():
    _say(_names, partial(exclusions.closed, _reason))
