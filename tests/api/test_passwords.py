from flowml.api.passwords import hash_password, hash_token, is_password, is_stored_password, new_token


def test_a_password_is_known_again_and_another_is_not() -> None:
    stored = hash_password("correct horse 電池")
    assert is_password("correct horse 電池", stored)
    assert not is_password("correct horse", stored)
    assert not is_password("x" * 5000, stored)


def test_the_same_password_is_stored_differently_each_time() -> None:
    assert hash_password("same") != hash_password("same")


def test_what_is_stored_does_not_show_the_secret() -> None:
    token = new_token()
    assert token not in hash_token(token)
    assert "secret" not in hash_password("secret")


def test_a_line_that_would_take_the_machine_s_memory_is_no_password() -> None:
    stored = hash_password("fine")
    assert is_stored_password(stored)
    assert not is_stored_password(stored.replace("scrypt$32768", "scrypt$1073741824"))
    assert not is_stored_password("scrypt$1$2")
    assert not is_stored_password("plain")
