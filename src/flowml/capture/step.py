"""Step: what a meter of files tells at once."""

from dataclasses import dataclass

from flowml.flows.batch import FlowBatch


@dataclass(frozen=True)
class Step:
    """What a meter tells of a file at once.

    Attributes
    ----------
    batch : FlowBatch
        Of some thousand records; a flow's records come in their order. May be empty.
    clock_ms : int
        Time of the newest packet (epoch, ms); 0 where a meter does not say.
    is_moment : bool
        All records up to this moment have been told. Moments are the same whatever part of the flows is
        metered; what is not one is a batch that was full.
    passed_over : int
        Packets so far whose protocol was not wanted.
    """

    batch: FlowBatch
    clock_ms: int
    is_moment: bool
    passed_over: int = 0
