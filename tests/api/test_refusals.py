"""What people are told when something is wrong, in their language."""

import httpx
import pytest

from flowml.api.language import catalogue
from tests.api.running import Running, csrf


@pytest.fixture(scope="module")
def client(shared: Running) -> httpx.Client:
    return shared.logged_in()


@pytest.mark.parametrize(
    ("language", "path", "told"),
    [
        ("en", "/incidents/4711", '<p class="soft">no incident 4711</p>'),
        ("ja", "/incidents/4711", '<p class="soft">インシデント 4711 は見つかりません。</p>'),
        ("ja", "/nowhere", '<p class="soft" lang="en">Not Found</p>'),
    ],
)
def test_a_page_that_is_not_there_is_told_in_the_reader_s_language(
    client: httpx.Client, language: str, path: str, told: str
) -> None:
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 404
    assert f"<h1>{catalogue(language)('error.404')}</h1>" in answer.text
    assert told in answer.text


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    ("network", "until", "key"),
    [("10.0.0", "2999-01-01", "policy.no_network"), ("10.0.0.0/8", "2001-01-01", "policy.past")],
)
def test_a_form_says_what_is_wrong_in_the_reader_s_language_and_keeps_what_was_written(
    client: httpx.Client, language: str, network: str, until: str, key: str
) -> None:
    given = {"network": network, "reason": "Agreed", "owner": "mika", "until": until}
    answer = client.post(
        "/policies", data={**given, "csrf": csrf(client)}, headers={"Accept-Language": language}
    )
    assert catalogue(language)(key) in answer.text
    assert 'value="Agreed"' in answer.text
