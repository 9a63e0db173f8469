"""Which screen is which noun's."""

from hivetui.screens.audit import AuditScreen
from hivetui.screens.budgets import BudgetsScreen
from hivetui.screens.deployments import DeploymentsScreen
from hivetui.screens.listing import Go, ListingScreen
from hivetui.screens.reminders import RemindersScreen
from hivetui.screens.rules import RulesScreen
from hivetui.screens.threads import ThreadsScreen
from hivetui.screens.tombstones import TombstonesScreen
from hivetui.state.clock import Clock
from hivetui.state.hive import HiveState


def listing_of(what: str, state: HiveState, clock: Clock, go: Go, agent: str | None) -> ListingScreen:
    """The screen of that noun; `agent` is who has the focus."""
    match what:
        case "threads":
            return ThreadsScreen(state, clock, go)
        case "rules":
            return RulesScreen(state, clock, go, agent)
        case "budgets":
            return BudgetsScreen(state, clock, go, agent)
        case "reminders":
            return RemindersScreen(state, clock, go, agent)
        case "tombstones":
            return TombstonesScreen(state, clock, go)
        case "deployments":
            return DeploymentsScreen(state, clock, go, agent)
        case _:
            return AuditScreen(state, clock, go)
