"""Messages against the examples of mimblewimble/grin doc/stratum.md, without their spaces."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from flowml.lab.mining import grin
from flowml.lab.mining.dialect import Heard, Work

_RNG = np.random.default_rng(1)
_DRAWN: dict[str, Any] = {
    **grin.ACTORS[0].draw(np.random.default_rng(2)),
    "height": 16375,
    "edge_bits": 29,
    "job_id_digits": 1,
    "header_digits": 486,
}
_TODO = Work(1.0, True, False)


def _text(message: object) -> str:
    return json.dumps(message, separators=(",", ":"))


def test_a_job_has_the_fields_of_the_example_and_its_header_of_243_bytes() -> None:
    (job,) = grin.work(_TODO, _DRAWN, _RNG)
    head = (
        '{"id":"Stratum","jsonrpc":"2.0","method":"job","params":{"difficulty":1,"height":16375,"job_id":5,'
    )
    assert len(_text(job)) == len(head + '"pre_pow":""}}') + 486
    assert _text(job).startswith(head.partition('"job_id"')[0])


def test_a_share_is_a_cycle_of_42_edges_in_ascending_order() -> None:
    share = grin.share(7, Heard(job="5"), _DRAWN, _RNG)
    edges = share["params"]["pow"]
    assert (len(edges), edges) == (42, sorted(edges))
    assert max(edges) < 2**29
    assert 500 <= len(_text(share)) <= 580, "the example has 545 bytes and no edge_bits"


def test_answers_are_those_of_the_examples() -> None:
    asked = {"id": "2", "method": "keepalive"}
    kept = '{"id":"2","jsonrpc":"2.0","method":"keepalive","result":"ok","error":null}'
    assert _text(grin.answer(asked, _TODO, _DRAWN, _RNG)) == kept
    assert _text(grin.keep_alive(2, Heard())) == (
        '{"id":"2","jsonrpc":"2.0","method":"keepalive","params":null}'
    )
    submitted = {"id": "5", "method": "submit"}
    assert grin.verdict(submitted, True, _DRAWN, _RNG)["result"] == "ok"
    rejected = grin.verdict(submitted, False, _DRAWN, _RNG)
    assert rejected["error"]["code"] in {-32503, -32501}


@pytest.mark.parametrize("asked", [True, False])
def test_a_miner_reads_a_job_that_is_pushed_or_asked_for(asked: bool) -> None:
    request = {"id": "1", "method": "getjobtemplate"}
    message = grin.answer(request, _TODO, _DRAWN, _RNG) if asked else grin.work(_TODO, _DRAWN, _RNG)[0]
    heard = grin.heed(message)
    assert (len(heard.job), heard.difficulty, heard.keeps_alive) == (1, 1.0, True)
