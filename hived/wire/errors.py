"""Every error that a caller can meet: one class each, with its code, HTTP status, exit code and sentence.

HiveError
├── Refused            400 family, exit 1 or 2: the request is wrong or not allowed
├── Missing            404, exit 4: no such thing
├── Conflict           409, exit 5: already decided, already exists, stale
└── Unavailable        5xx or local, exit 1 or 3

hived's api/faults.py turns one into `{code, message, detail}`; hived/client/errors.py turns that back into the class.
Standard library only: the CLI loads it on every call.
"""

from hived.wire.error_families import Conflict as Conflict
from hived.wire.error_families import HiveError as HiveError
from hived.wire.error_families import Missing as Missing
from hived.wire.error_families import Refused as Refused
from hived.wire.error_families import Unavailable as Unavailable
from hived.wire.lifecycle_errors import AgentBuried as AgentBuried
from hived.wire.lifecycle_errors import BeingPurged as BeingPurged
from hived.wire.lifecycle_errors import CommitNotFound as CommitNotFound
from hived.wire.lifecycle_errors import DeploymentFailed as DeploymentFailed
from hived.wire.lifecycle_errors import DeploymentNotFound as DeploymentNotFound
from hived.wire.lifecycle_errors import DeploymentSuperseded as DeploymentSuperseded
from hived.wire.lifecycle_errors import DeploymentUnderWay as DeploymentUnderWay
from hived.wire.lifecycle_errors import FetchRefused as FetchRefused
from hived.wire.lifecycle_errors import InvalidProposal as InvalidProposal
from hived.wire.lifecycle_errors import InvalidRepo as InvalidRepo
from hived.wire.lifecycle_errors import InvalidTemplate as InvalidTemplate
from hived.wire.lifecycle_errors import NetworkNeeded as NetworkNeeded
from hived.wire.lifecycle_errors import NotACommit as NotACommit
from hived.wire.lifecycle_errors import NothingToRollBack as NothingToRollBack
from hived.wire.lifecycle_errors import ProposalOutdated as ProposalOutdated
from hived.wire.lifecycle_errors import ProposalSuperseded as ProposalSuperseded
from hived.wire.lifecycle_errors import ProtectedAgent as ProtectedAgent
from hived.wire.lifecycle_errors import RuntimeUnusable as RuntimeUnusable
from hived.wire.lifecycle_errors import StillAlive as StillAlive
from hived.wire.lifecycle_errors import TemplateNotFound as TemplateNotFound
from hived.wire.lifecycle_errors import TombstoneNotFound as TombstoneNotFound
from hived.wire.lifecycle_errors import UnknownRuntime as UnknownRuntime
from hived.wire.lifecycle_errors import WorkUnmerged as WorkUnmerged
from hived.wire.machine_errors import DatabaseNewer as DatabaseNewer
from hived.wire.machine_errors import DatabaseUnreadable as DatabaseUnreadable
from hived.wire.machine_errors import FolderNotOurs as FolderNotOurs
from hived.wire.machine_errors import FolderUnusable as FolderUnusable
from hived.wire.machine_errors import PathTooLong as PathTooLong
from hived.wire.machine_errors import SocketInUse as SocketInUse

# Refused ---------------------------------------------------------------------------------------------------


class InvalidRequest(Refused):
    code = "invalid_request"
    template = "{reason}"


class NotJson(Refused):
    code = "not_json"
    template = "The request's body is not valid JSON: {reason}."


class UsageError(Refused):
    code = "usage"
    exit_code = 2
    template = "{reason}"


class ConfirmationNeeded(Refused):
    code = "confirmation_needed"
    exit_code = 2
    template = "{what} needs your word, and there is no terminal to ask on: say --yes."


class InvalidName(Refused):
    code = "invalid_name"
    exit_code = 2
    template = "{name!r} is no agent name: a lower-case letter first, then up to 31 letters, digits or hyphens."


class AmbiguousId(Refused):
    code = "ambiguous_id"
    exit_code = 2
    template = "{prefix!r} fits {count} {noun}s; give more of the id."


class TooLarge(Refused):
    code = "too_large"
    status = 413
    template = "The {what} has {bytes} bytes; at most {limit} are taken."


class ForbiddenRole(Refused):
    code = "forbidden_role"
    status = 403
    template = "{who} may not call {method} {path}."


class EngineOnHostSocket(Refused):
    code = "engine_on_host_socket"
    status = 403
    template = "The operator's socket is not for agents, and process {pid} runs under agent {agent}."


class UnknownEngine(Refused):
    code = "unknown_engine"
    template = "There is no engine {engine!r}; there are {known}."


class UnknownModel(Refused):
    code = "unknown_model"
    template = "The engine of {name} has no model {model!r}; it has {known}."


class Unsupported(Refused):
    code = "unsupported"
    template = "The engine of {name} ({engine}) cannot {what}."


class InvalidOption(Refused):
    code = "invalid_option"
    template = "{option}: {reason}"


class InvalidScenario(Refused):
    code = "invalid_scenario"
    template = "Scenario {file}: {reason}"


class CommandMissing(Refused):
    code = "command_missing"
    template = "The program {command!r} is not there or cannot be run."


class InvalidConfig(Refused):
    code = "invalid_config"
    template = "{file}: {reason}"


class RecipientRefused(Refused):
    code = "recipient_refused"
    status = 403
    template = "{sender} may not write to {recipient}."


class InvalidMoment(Refused):
    code = "invalid_moment"
    exit_code = 2
    template = "{given!r} is no time: say 90s, 10m, 2h30m, 3d, or a time like 2026-11-21T14:30Z; {reason}"


class InvalidRule(Refused):
    code = "invalid_rule"
    template = "{reason}"


class InvalidAnswer(Refused):
    code = "invalid_answer"
    template = "{reason}"


class NotYours(Refused):
    code = "not_yours"
    status = 403
    template = "{who} may not {what} {noun} {id}: it is {whose}."


class QueueFull(Refused):
    code = "queue_full"
    status = 429
    template = "{recipient} has {count} messages of {sender} still to take; none is added until it has taken some."


class OverBudget(Refused):
    code = "over_budget"
    status = 403
    template = "{reason}"


# Missing ---------------------------------------------------------------------------------------------------


class UnknownRoute(Missing):
    code = "unknown_route"
    template = "There is no {method} {path}; /openapi.json lists what there is."


class AgentNotFound(Missing):
    code = "agent_not_found"
    template = "There is no agent {name!r}."


class ApprovalNotFound(Missing):
    code = "approval_not_found"
    template = "There is no approval {id!r}."


class MessageNotFound(Missing):
    code = "message_not_found"
    template = "There is no message {id!r}."


class QuestionNotFound(Missing):
    code = "question_not_found"
    template = "There is no question {id!r}."


class ReminderNotFound(Missing):
    code = "reminder_not_found"
    template = "There is no reminder {id!r}."


class RuleNotFound(Missing):
    code = "rule_not_found"
    template = "There is no rule {id!r}."


class BudgetNotFound(Missing):
    code = "budget_not_found"
    template = "There is no budget {id!r}."


class PairNotFound(Missing):
    code = "pair_not_found"
    template = "There is no held pair {id!r}."


class TurnNotFound(Missing):
    code = "turn_not_found"
    template = "There is no turn {id!r} in the journal of {name}."


# Conflict --------------------------------------------------------------------------------------------------


class AlreadyDecided(Conflict):
    code = "already_decided"
    template = "Approval {id} was already {status} by {by} at {at}."


class NameTaken(Conflict):
    code = "name_taken"
    template = "There is already an agent, or a pending spawn, named {name!r}."


class AlreadyRunning(Conflict):
    code = "already_running"
    template = "hived already runs for this home: pid {pid}."


class StaleGeneration(Conflict):
    code = "stale_generation"
    template = "This harness is generation {given}; agent {name} is at generation {current}."


class EventGap(Conflict):
    code = "event_gap"
    template = "The batch starts at event {first}; event {expected} is expected."


class IdempotencyMismatch(Conflict):
    code = "idempotency_mismatch"
    template = "The idempotency key {key!r} was used for another request."


class NotHeld(Conflict):
    code = "not_held"
    template = "Message {id} is not held: it is {status}."


class QuestionClosed(Conflict):
    code = "question_closed"
    template = "Question {id} is {status}, by {by} at {at}."


class ReminderClosed(Conflict):
    code = "reminder_closed"
    template = "Reminder {id} is {status}."


class RuleRevoked(Conflict):
    code = "rule_revoked"
    template = "Rule {id} was revoked at {at}."


class PairDecided(Conflict):
    code = "pair_decided"
    template = "Pair {id} was already {status} by {by} at {at}."


class NotOver(Conflict):
    code = "not_over"
    template = "Budget {id} is not spent: it may have been raised already. Say by how much to raise it all the same."


class NoTurn(Conflict):
    code = "no_turn"
    template = "{name} has no turn to cancel."


class NoLogin(Conflict):
    code = "no_login"
    template = "No login of {name} is open; begin one with: hive login {name}"


class LoginFailed(Conflict):
    code = "login_failed"
    template = "The login of {name} did not work: {reason}"


class AgentNotConnected(Conflict):
    code = "agent_not_connected"
    template = "{name} is not connected to hived ({lifecycle}), so it cannot be told."


class ResyncNeeded(Conflict):
    code = "resync"
    template = "The cursor {cursor} is older than what is kept; take a new snapshot."


# Unavailable, or local to one program -----------------------------------------------------------------------


class Internal(HiveError):
    code = "internal"


class DiskFull(Internal):
    code = "disk_full"
    template = "There is no room left on the disk that holds the hive: free some, then ask again."


class NotRunning(Unavailable):
    code = "not_running"
    exit_code = 3
    template = "hived is not running (no answer on {socket}); start it with: hive up --detach"


class ProtocolMismatch(Unavailable):
    code = "protocol_mismatch"
    template = "hived speaks protocol {theirs} ({build}), this program {ours}: install the same version of both."


class TookTooLong(Unavailable):
    code = "took_too_long"
    status = 504
    template = "{what} did not happen within {seconds} s; it may still."


class StartFailed(Unavailable):
    code = "start_failed"
    status = 502
    template = "{name} did not start: {cause}"


class TurnFailed(Unavailable):
    code = "turn_failed"
    template = "{name}: {cause}"


class DemoFailed(Unavailable):
    code = "demo_failed"
    template = "The demo did not go as it is written: {reason}"


class JournalUnavailable(Unavailable):
    code = "journal_unavailable"
    template = "The journal of {name} cannot be read: {reason}"


def _tree(base: type[HiveError]) -> dict[str, type[HiveError]]:
    found: dict[str, type[HiveError]] = {}
    for child in base.__subclasses__():
        if "code" in child.__dict__:
            found[child.code] = child
        found.update(_tree(child))
    return found


BY_CODE: dict[str, type[HiveError]] = _tree(HiveError)
"""Every code with its class, for the client that raises it again."""
