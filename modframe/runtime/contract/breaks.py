"""Refuses changes that take away what live modules use of a service.

Called by the batch between graph and phase 1, and by the plan. Modules without dependents are not
compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...errors import ContractError
from ...finding import Finding
from ...wording import some
from ..generation import Generation
from ..live import Live
from .differences import ContractChange, Use, changes_between, uses_of_change
from .signatures import ServiceContract, contract_of


def contract_errors(live: Live, going: Mapping[str, Generation]) -> dict[str, ContractError]:
    """Return module id → the error that lists the uses that a change would break.

    ``going`` has the loaded generations of the change; they replace dependents in ``live``.
    """
    errors = {}
    for key, new in going.items():
        if key in live.generations and live.all_dependents(key):
            broken = [change for change in contract_changes(live, going, key) if change.uses]
            if broken:
                contract = contract_of(new)
                findings = [_finding(contract, change) for change in broken]
                errors[key] = ContractError(key, findings, tuple(broken))
    return errors


def contract_changes(
    live: Live, going: Mapping[str, Generation], module_id: str
) -> tuple[ContractChange, ...]:
    """Return the changes of a module's service, each with its uses in live modules."""
    old, new = live.generations.get(module_id), going[module_id]
    if old is None:
        return ()
    users = []
    for key in live.all_dependents(module_id):
        user = going.get(key, live.generations.get(key))
        if user is not None and module_id in (*user.spec.required_ids, *user.spec.after_modules):
            users.append(user)
    sources = [user.source for user in users]
    return tuple(
        replace(change, uses=uses_of_change(change, sources) or _declared_uses(change, users))
        for change in changes_between(contract_of(old), contract_of(new))
    )


def _declared_uses(change: ContractChange, users: list[Generation]) -> tuple[Use, ...]:
    """Return a use, without a place, for each module that requires the service by its name."""
    if change.method or not change.breaking:
        return ()
    names = set(change.names)
    return tuple(Use(user.module_id) for user in users if names & set(user.spec.requires_services))


def _finding(contract: ServiceContract, change: ContractChange) -> Finding:
    method = contract.methods.get(change.method)
    users = dict.fromkeys(use.module_id for use in change.uses)
    was = f"; it was {change.before}" if change.before else ""
    now = f" and is {change.after}" if change.before and change.after else ""
    together = ", ".join(map(repr, [contract.module_id, *users]))
    return Finding(
        "contract",
        "error",
        f"{change.text}, and live modules use it: {some(change.uses)}{was}{now}",
        cure=f"change {', '.join(users)} first, or both in one app.load([{together}]), or take it "
        "away with force=True (--force in a %%module cell)",
        **((method and method.place) or contract.place),
    )
