"""Errors of agents' lives: their runtimes, workspaces, config, burial and purge. `errors` has them all."""

from hived.wire.error_families import Conflict, Missing, Refused


class InvalidProposal(Refused):
    code = "invalid_proposal"
    template = "{commit}: {reason}"


class NotACommit(Refused):
    code = "not_a_commit"
    exit_code = 2
    template = "{given!r} is no commit: give its 40 hex digits, as git rev-parse prints them; a branch or tag may move."


class NetworkNeeded(Refused):
    code = "network_needed"
    template = "{engine} cannot reach its model without a network: {reason} Say network = true, or another runtime."


class RuntimeUnusable(Refused):
    code = "runtime_unusable"
    template = "The runtime {runtime} does not work here: {reason}"


class InvalidTemplate(Refused):
    code = "invalid_template"
    template = "Template {template}: {reason}"


class TombstoneNotFound(Missing):
    code = "tombstone_not_found"
    template = "There is no tombstone of {name!r}."


class DeploymentNotFound(Missing):
    code = "deployment_not_found"
    template = "There is no deployment {id!r}."


class CommitNotFound(Missing):
    code = "commit_not_found"
    template = "{repo} has no commit {commit}."


class TemplateNotFound(Missing):
    code = "template_not_found"
    template = "There is no template {template!r}; there are {known}."


class AgentBuried(Conflict):
    code = "agent_buried"
    template = "{name} was destroyed at {at}; bring it back with: hive revive {name}"


class StillAlive(Conflict):
    code = "still_alive"
    template = "{name} is not buried: it is {lifecycle}."


class BeingPurged(Conflict):
    code = "being_purged"
    template = "{name} is being purged."


class BeingRevived(Conflict):
    code = "being_revived"
    template = "{name} is to be revived: deny that first, with: hive deny {approval}"


class PurgeStuck(Conflict):
    code = "purge_stuck"
    template = "The purge of {name} does not go on: {reason} What is left is kept; mend that, and ask again."


class WorkUnmerged(Conflict):
    code = "work_unmerged"
    template = (
        "{name} has work that is nowhere else: {what}. Commits come home with hive work {name} --fetch, the rest shows with"
        " --patch; to let it go say --discard-work."
    )


class FetchRefused(Conflict):
    code = "fetch_refused"
    template = "The work of {name} cannot be brought home: {reason}"


class NothingToRollBack(Conflict):
    code = "nothing_to_roll_back"
    template = "{name} has nothing to go back to: {reason}"


class DeploymentUnderWay(Conflict):
    code = "deployment_under_way"
    template = "Deployment {id} of {name} is under way ({status})."


class DeploymentFailed(Conflict):
    code = "deployment_failed"
    template = "{name}: the deployment failed at {step}: {reason}"


class DeploymentSuperseded(Conflict):
    code = "deployment_superseded"
    template = "Deployment {id} of {name} was not begun: {reason}"


class ProposalSuperseded(Conflict):
    code = "proposal_superseded"
    template = "{agent} has run {commit} already, or what came after it; to go back to it: hive rollback {agent} --to DEPLOYMENT"


class ProposalOutdated(Conflict):
    code = "proposal_outdated"
    template = "What {agent} runs has changed since {id} was asked, and against that it also says: {flags}. Look at it again (hive diff {id}), then approve it."


class ProtectedAgent(Conflict):
    code = "protected_agent"
    template = "The queen cannot be destroyed."


class UnknownRuntime(Refused):
    code = "unknown_runtime"
    template = "There is no runtime {runtime!r}; there are {known}."


class InvalidRepo(Refused):
    code = "invalid_repo"
    template = "{repo} cannot be cloned: {reason}"


class NothingToPause(Conflict):
    code = "nothing_to_pause"
    template = "{name} is {lifecycle}: there is nothing to pause."


class AgentPaused(Conflict):
    code = "agent_paused"
    template = "{name} is paused; let it go on with: hive resume {name}"


class Overruled(Conflict):
    code = "overruled"
    template = (
        "The {what} of {name} did not come about: something else was asked of it meanwhile (it is wanted {wanted})."
    )
