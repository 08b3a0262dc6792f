"""modframe's plugin for mypy: what modules get from the framework, which their text doesn't show.

A workspace names it in its settings (``plugins = ["modframe.mypy_plugin"]``), and mypy calls
`plugin`. ``Base = get_database_base(DATABASE_NAME)`` becomes a class, which mypy would take for a
variable that nothing can be derived from; and a module's plain classes have the attributes that the
framework sets on services.
"""

from __future__ import annotations

from collections.abc import Callable

from mypy.nodes import GDEF, Block, ClassDef, MypyFile, SymbolTable, SymbolTableNode, TypeInfo
from mypy.plugin import ClassDefContext, DynamicClassDefContext, Plugin

from .names import module_id_in

_FUNCTION = "modframe.parts.database.base.get_database_base"
_BASE = "sqlalchemy.orm.decl_api.DeclarativeBase"
_CONTEXT = "modframe.context"
_ATTRIBUTES = f"{_CONTEXT}.ServiceAttributes"


class ModframePlugin(Plugin):
    """Tells mypy of classes and attributes that exist once a module is loaded."""

    def get_additional_deps(self, file: MypyFile) -> list[tuple[int, str, int]]:
        """Let the class with the attributes be there when a module's file is checked."""
        return [(10, _CONTEXT, -1)] if module_id_in(file.fullname) else []

    def get_dynamic_class_hook(
        self, fullname: str
    ) -> Callable[[DynamicClassDefContext], None] | None:
        return _declare_base if fullname == _FUNCTION else None

    def get_customize_class_mro_hook(
        self, fullname: str
    ) -> Callable[[ClassDefContext], None] | None:
        return _add_attributes if module_id_in(fullname) else None


def _declare_base(context: DynamicClassDefContext) -> None:
    """Declare the class that a call makes: a base of SQLAlchemy's own kind."""
    api = context.api
    base = api.named_type_or_none(_BASE)
    if base is None:
        if not api.final_iteration:
            api.defer()
        return
    definition = ClassDef(context.name, Block([]))
    definition.fullname = api.qualified_name(context.name)
    info = TypeInfo(SymbolTable(), definition, api.cur_mod_id)
    definition.info = info
    info.bases = [base]
    info.mro = [info, *base.type.mro]
    info.metaclass_type = base.type.metaclass_type
    api.add_symbol_table_node(context.name, SymbolTableNode(GDEF, info))


def _add_attributes(context: ClassDefContext) -> None:
    """Derive a class that has no base of its own from `ServiceAttributes`.

    Which class the service is may stand in another file, as a name; so each may be it.
    """
    info = context.cls.info
    if len(info.mro) != 2:
        return
    attributes = context.api.named_type_or_none(_ATTRIBUTES)
    if attributes is not None:
        info.bases = [attributes]
        info.mro = [info, *attributes.type.mro]


def plugin(version: str) -> type[Plugin]:  # noqa: ARG001  # mypy passes its own
    """Return the plugin."""
    return ModframePlugin
