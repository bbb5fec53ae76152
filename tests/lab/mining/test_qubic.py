"""Messages against hackerby888/qatum-protocol docs/how-to-interact-with-qatum.md, without their spaces."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from flowml.lab.mining import qubic
from flowml.lab.mining.dialect import Heard, Work

_RNG = np.random.default_rng(1)
_DRAWN: dict[str, Any] = {**qubic.ACTORS[0].draw(np.random.default_rng(2)), "iterations_per_s": 100_000}
_SEED, _COMPUTOR = "8" * 64, "A" * 60


def _text(message: object) -> str:
    return json.dumps(message, separators=(",", ":"))


def test_a_result_has_the_size_of_the_example() -> None:
    share = qubic.share(9, Heard(job=_SEED), _DRAWN, _RNG)
    example = f'{{"id":4,"nonce":"{_SEED}","seed":"{_SEED}","computorId":"{_COMPUTOR}"}}'
    assert len(_text(share)) == len(example)
    assert _text(qubic.verdict(share, True, _DRAWN, _RNG)) == '{"id":4,"result":true,"error":null}'


def test_the_first_work_is_difficulty_computor_and_seed_in_that_order() -> None:
    said = qubic.work(Work(123.0, True, True), _DRAWN, _RNG)
    assert [message["id"] for message in said] == [
        qubic.NEW_DIFFICULTY,
        qubic.NEW_COMPUTOR,
        qubic.NEW_SEED,
    ]
    assert len(_text(said[2])) == len(f'{{"id":3,"seed":"{_SEED}","isEmpty":false}}')


def test_later_work_says_something_and_no_difficulty_that_did_not_change() -> None:
    for _ in range(50):
        kinds = {message["id"] for message in qubic.work(Work(123.0, False, False), _DRAWN, _RNG)}
        assert kinds
        assert kinds <= {qubic.NEW_COMPUTOR, qubic.NEW_SEED}


def test_a_report_has_the_size_of_the_example_and_no_answer() -> None:
    ((period_s, build),) = qubic.timers({**_DRAWN, "report_s": 180.0})
    report = build(3, _RNG)
    assert period_s == 180.0
    example = f'{{"id":5,"computorId":"{_COMPUTOR}","hashrate":100000}}'
    assert abs(len(_text(report)) - len(example)) <= 1
    assert qubic.answer(report, Work(1.0, False, False), _DRAWN, _RNG) is None
