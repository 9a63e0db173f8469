"""What a turn of Claude Code took: from its results where there are any, estimated from its inferences where it was killed.

2.1.329 says in each result what was spent since the last one. 2.1.197 says only its process's total so far, which begins at 0
with each process, so two results of one process give what lies between. A version that goes on counting over a resume and
says no more is measured against the total that was kept. What a killed turn took is forgotten by both versions: neither
counts it later, so the estimate stands and nothing is paid twice.
"""

from collections.abc import Sequence

from agentd.context import CostBaseline, estimated_cost
from agentd.engines.base import Facts, TurnUsage
from agentd.engines.claude_events import Inference, Result, Spent

_BASELINE_FACT = "claude_cost"


class Costs:
    """One per engine; `process_began` with each CLI."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._last_total: Spent | None = None
        self._carried = Spent()
        """Spent between turns: the next turn's."""

    def process_began(self) -> None:
        self._last_total = None

    def between_turns(self, results: Sequence[Result]) -> None:
        for result in results:
            self._carried += self._of(result) or Spent()

    def of_turn(self, results: Sequence[Result], usage: TurnUsage) -> None:
        """Fill in what the turn took; left as it is where the CLI did not say."""
        spent, self._carried = self._carried, Spent()
        known = False
        for result in results:
            of_result = self._of(result)
            if of_result is not None:
                known = True
                spent += of_result
        if not known:
            self._carried = spent
            return
        usage.cost_usd = spent.usd
        if spent.tokens:
            usage.input_tokens, usage.output_tokens = spent.input_tokens, spent.output_tokens
            usage.cache_read_input_tokens = spent.cache_read_input_tokens
            usage.cache_creation_input_tokens = spent.cache_creation_input_tokens

    def of_killed(self, session_id: str | None, model: str, inferences: Sequence[Inference], usage: TurnUsage) -> None:
        """Fill in what a turn took that ended without a result."""
        if not inferences:
            return
        usage.input_tokens = sum(inference.input_tokens for inference in inferences)
        usage.output_tokens = sum(inference.output_tokens for inference in inferences)
        usage.cache_read_input_tokens = sum(inference.cache_read_input_tokens for inference in inferences)
        usage.cache_creation_input_tokens = sum(inference.cache_creation_input_tokens for inference in inferences)
        tokens = tokens_of(inferences)
        usage.cost_usd = estimated_cost(self._facts, model, tokens)
        usage.cost_estimated = usage.cost_usd is not None
        if usage.cost_usd is not None and session_id is not None:
            self._keep(self._baseline().charge(session_id, usage.cost_usd, tokens))

    def so_far(self, model: str, inferences: Sequence[Inference]) -> tuple[int, float | None]:
        """(tokens, estimated dollars) of a turn that runs."""
        tokens = tokens_of(inferences)
        return tokens, estimated_cost(self._facts, model, tokens)

    def _of(self, result: Result) -> Spent | None:
        total, last = result.total, self._last_total
        if total is None:
            return None
        self._last_total = total
        if result.since_last is not None:
            spent = result.since_last
        elif last is not None and total.usd >= last.usd:
            spent = total - last
        else:
            return self._first_of_process(result, total)
        self._keep(CostBaseline(result.session_id, total.usd, total.tokens))
        return spent

    def _first_of_process(self, result: Result, total: Spent) -> Spent:
        of_turn = result.usage or Inference(0, 0, 0, 0)
        tokens = of_turn.ctx_tokens + of_turn.output_tokens
        usd, after = self._baseline().spent(result.session_id, total.usd, total.tokens, tokens)
        self._keep(after)
        if usd == total.usd:
            return total
        return Spent(
            usd,
            of_turn.input_tokens,
            of_turn.output_tokens,
            of_turn.cache_read_input_tokens,
            of_turn.cache_creation_input_tokens,
        )

    def _baseline(self) -> CostBaseline:
        return CostBaseline.from_text(self._facts.get(_BASELINE_FACT))

    def _keep(self, baseline: CostBaseline) -> None:
        self._facts.set(_BASELINE_FACT, baseline.to_text())


def tokens_of(inferences: Sequence[Inference]) -> int:
    return sum(inference.ctx_tokens + inference.output_tokens for inference in inferences)
