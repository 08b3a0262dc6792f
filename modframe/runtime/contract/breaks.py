"""Keeps promises: what a change would take away from live modules that use it, as errors.

Called by the batch between graph and phase 1, and by the plan. Costs nothing for a module that
nobody depends on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...errors import ContractError, Finding
from ...wording import some
from ..generation import Generation
from ..live import Live
from .differences import ContractChange, Use, changes_between, used_by
from .signatures import ServiceContract, contract_of


def contract_errors(live: Live, going: Mapping[str, Generation]) -> dict[str, ContractError]:
    """Module id → the error that names who uses what would be taken away.

    Args:
        live: What runs.
        going: The loaded generations of the change; a dependent among them counts as it says now.
    """
    errors = {}
    for key, new in going.items():
        if key in live.generations and live.all_dependents(key):
            broken = [one for one in contract_changes(live, going, key) if one.uses]
            if broken:
                errors[key] = _error(contract_of(new), broken)
    return errors


def contract_changes(
    live: Live, going: Mapping[str, Generation], module_id: str
) -> tuple[ContractChange, ...]:
    """What a module's service is no more, or is now, each change with the live uses of it."""
    old, new = live.generations.get(module_id), going[module_id]
    if old is None:
        return ()
    users = []
    for key in live.all_dependents(module_id):
        one = going.get(key, live.generations.get(key))
        if one is not None and module_id in (*one.spec.required_ids, *one.spec.after_modules):
            users.append(one)
    sources = [one.source for one in users]
    return tuple(
        replace(change, uses=used_by(change, sources) or _declared(change, users))
        for change in changes_between(contract_of(old), contract_of(new))
    )


def _declared(change: ContractChange, users: list[Generation]) -> tuple[Use, ...]:
    """Those that require a service by its name use it, wherever they look it up."""
    if change.method or not change.breaking:
        return ()
    names = set(change.names)
    return tuple(Use(one.module_id) for one in users if names & set(one.spec.requires_services))


def _error(contract: ServiceContract, broken: list[ContractChange]) -> ContractError:
    findings = [_finding(contract, change) for change in broken]
    return ContractError(contract.module_id, findings, tuple(broken))


def _finding(contract: ServiceContract, change: ContractChange) -> Finding:
    method = contract.methods.get(change.method)
    at = method if method is not None and method.file else contract
    users = dict.fromkeys(use.module_id for use in change.uses)
    shown = some(change.uses)
    was = f"; it was {change.before}" if change.before else ""
    now = f" and is {change.after}" if change.before and change.after else ""
    together = ", ".join(map(repr, [contract.module_id, *users]))
    return Finding(
        "contract",
        "error",
        f"{change.text}, and live modules use it: {shown}{was}{now}",
        cure=f"change {', '.join(users)} first, or both in one app.load([{together}]), or take it "
        "away with force=True (--force in a %%module cell)",
        file=at.file,
        line=at.line,
        cell=at.cell,
    )
