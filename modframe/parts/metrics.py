"""Metrics: what module code registers with ``prometheus_client`` belongs to its generation.

A file that says ``Counter("orders_total", "...")`` registers it in the one registry of the process,
so loading it again would be refused as a duplicate. While an app runs, a collector that module code
makes goes into a registry of its generation, and the registry of the process shows those of live
generations. The library is not imported here; this acts once a module has imported it.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import FrameType
from typing import Any, ClassVar

from ..load.imports import call_after_import
from ..names import module_id_in, package_in
from ..observe import record_failure
from ..runtime.generation import Generation
from ..runtime.part import Detail, Panel, Part

_LIBRARY = "prometheus_client"
_MOST = 1000
"""How many values of a generation's metrics are shown."""
_KEY = "__modframe_metrics__"
"""The name under which a private package keeps its registry, which lives as long as the package."""


class MetricsPart(Part[None]):
    """Shows the metrics of the live generations."""

    name = "metrics"
    empty_facts: ClassVar[Mapping[str, Any]] = {"names": [], "values": {}}

    def __init__(self, live: Callable[[], Iterable[Generation]]) -> None:
        self._live = live
        _parts.add(self)
        call_after_import(_LIBRARY, _install)
        _install()

    def registries(self) -> Iterator[tuple[str, Any]]:
        """Yield module id and registry of each live generation that has one."""
        for generation in self._live():
            registry = _registry_of(generation)
            if registry is not None and generation.stage != "closed":
                yield generation.module_id, registry

    def describe(self, generation: Generation) -> dict[str, Any]:
        registry = _registry_of(generation)
        if registry is None:
            return dict(self.empty_facts)
        collectors = list(getattr(registry, "_collector_to_names", {}))
        names = (getattr(one, "_name", type(one).__name__) for one in collectors)
        return {"names": sorted(names), "values": dict(islice(_values_of(collectors), _MOST))}

    def panels(self, facts: Mapping[str, Any]) -> Iterator[Panel]:
        yield Panel("metric", (), tuple((name,) for name in facts["names"]), tab="Metrics")
        rows = tuple((name, f"{value:g}") for name, value in facts["values"].items())
        yield Detail("sample", ("value",), rows, live_only=True, tab="Metrics")


def _values_of(collectors: Iterable[Any]) -> Iterator[tuple[str, float]]:
    """Yield name with labels, and value, of the library's own metrics.

    Others run module code, which may take long: that is done for an exposition alone.
    """
    for collector in filter(_is_plain, collectors):
        for metric in collector.collect():
            for name, labels, value, *_ in metric.samples:
                if not name.endswith("_created"):
                    inner = ", ".join(f'{key}="{label}"' for key, label in labels.items())
                    yield f"{name}{{{inner}}}" if inner else name, value


def _is_plain(collector: Any) -> bool:
    """Return whether a collector is one of the library's, and computes no value by a function."""
    kind = getattr(sys.modules.get(f"{_LIBRARY}.metrics"), "MetricWrapperBase", ())
    children = list(getattr(collector, "_metrics", {}).values())
    computed = any("_child_samples" in vars(one) for one in (collector, *children))
    return isinstance(collector, kind) and not computed


_parts: weakref.WeakSet[MetricsPart] = weakref.WeakSet()


def _registry_of(generation: Generation) -> Any:
    return vars(generation.package.root).get(_KEY) if generation.package is not None else None


def _live_registries() -> list[tuple[str, Any]]:
    return [entry for part in list(_parts) for entry in part.registries()]


def _install() -> None:
    """Wrap the registry of the process, if the library is imported and it is not wrapped yet."""
    library = sys.modules.get(_LIBRARY)
    registry = getattr(library, "REGISTRY", None)
    if registry is not None and not isinstance(vars(registry).get(_KEY), _RegistryWrapper):
        setattr(registry, _KEY, _RegistryWrapper(registry))


class _RegistryWrapper:
    """Stands in front of the registry of the process, and is a collector in it.

    As the first, it puts collectors of module code into the registries of their generations; as
    the second, it adds the metrics of live generations to what the registry exposes.
    """

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self._register, self._unregister = registry.register, registry.unregister
        self._register(self)
        # So that an exposition that asks for some names alone looks in here too.
        getattr(registry, "_collectors_without_names", []).append(self)
        registry.register, registry.unregister = self.register, self.unregister

    def register(self, collector: Any) -> None:
        """Register a collector: a module's in its generation's registry, others as usual.

        Raises:
            ValueError: If the process or another live module has metrics of its names.
        """
        package = _calling_package() if _parts else ""
        if not package:
            self._register(collector)
            return
        root = sys.modules.get(package)
        if root is None:
            return  # its generation has ended, and nothing shows its metrics any more
        own = vars(root).get(_KEY)
        if own is None:
            own = vars(root)[_KEY] = type(self._registry)(auto_describe=True)
        self._refuse_taken(collector, package)
        own.register(collector)

    def _refuse_taken(self, collector: Any, package: str) -> None:
        names = set(self._registry._get_names(collector))
        module_id = module_id_in(package)
        others = [("this process", self._registry)]
        others += [(key, registry) for key, registry in _live_registries() if key != module_id]
        for owner, registry in others:
            if taken := names.intersection(registry._names_to_collectors):
                raise ValueError(
                    f"Duplicated timeseries: {owner} has {', '.join(sorted(taken))} already"
                )

    def unregister(self, collector: Any) -> None:
        root = sys.modules.get(_calling_package())
        own = vars(root).get(_KEY) if root is not None else None
        if own is not None and collector in own._collector_to_names:
            own.unregister(collector)
        else:
            self._unregister(collector)

    def describe(self) -> list[Any]:
        """Return no metrics: they come and go with generations."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yield the metrics of live generations, each name once."""
        seen: set[str] = set()
        for module_id, registry in _live_registries():
            try:
                found = list(registry.collect())
            except Exception as error:  # noqa: BLE001  # a collector of a module's own: the others go on
                record_failure(module_id, "its metrics can't be collected", error)
                continue
            for metric in found:
                if metric.name not in seen:
                    seen.add(metric.name)
                    yield metric


def _calling_package() -> str:
    """Return the private package whose code called into the library; empty for other code.

    So the metrics that a library makes, at its import or later, stay in the process's registry.
    """
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if name.partition(".")[0] != _LIBRARY:
            return package_in(frame.f_globals.get("__package__"))
        frame = frame.f_back
    return ""
