from __future__ import annotations

import json
from typing import Any

import numpy as np

from flowml.lab.mining.browser import job, submit, typed

_DRAWN: dict[str, Any] = {"job_id_digits": 15, "blob_digits": 152, "difficulty": 256.0}


def test_a_share_names_its_job_and_carries_nonce_and_result() -> None:
    message = json.loads(submit("123456789012345", np.random.default_rng(1)))
    assert message["type"] == "submit"
    assert {key: len(value) for key, value in message["params"].items()} == {
        "job_id": 15,
        "nonce": 8,
        "result": 64,
    }


def test_a_job_of_difficulty_256_has_the_compact_target_of_coinhive() -> None:
    assert json.loads(job(_DRAWN, np.random.default_rng(1)))["params"]["target"] == "00000001"


def test_accepted_hashes_are_told_in_the_pools_own_words() -> None:
    assert typed("hash_accepted", hashes=512) == '{"type":"hash_accepted","params":{"hashes":512}}'
