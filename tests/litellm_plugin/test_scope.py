"""Who owns the memory of a request, read from what LiteLLM's own authentication makes."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from litellm.proxy import proxy_server
from litellm.proxy._types import UserAPIKeyAuth

from litellm_mimo.scope import EVERYBODY, UNKNOWN, authenticates, owner_of, scope_of
from mimo_quirks import Settings, quirks_for

WHOLE = UserAPIKeyAuth(api_key="hash", user_id="user", team_id="team")


@pytest.fixture(name="authenticating")
def _authenticating(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proxy_server, "master_key", "sk-master")


@pytest.mark.usefixtures("authenticating")
@pytest.mark.parametrize(
    ("identity", "order", "owner"),
    [
        (WHOLE, ("key", "user", "team"), f"key:{WHOLE.api_key}"),
        (WHOLE, ("team", "key"), "team:team"),
        (UserAPIKeyAuth(user_id="user", team_id="team"), ("key", "user", "team"), "user:user"),
        (UserAPIKeyAuth(team_id="team"), ("key", "user", "team"), "team:team"),
        (UserAPIKeyAuth(), ("key", "user", "team"), UNKNOWN),
        (UserAPIKeyAuth(user_id="user"), ("key",), UNKNOWN),
    ],
)
@pytest.mark.parametrize(("field", "other"), [("metadata", "litellm_metadata"), ("litellm_metadata", "metadata")])
def test_identities(identity: UserAPIKeyAuth, order: Any, owner: str | None, field: str, other: str) -> None:
    """The first member that there is, in the operator's order; nothing is remembered for one without any.

    LiteLLM keeps it in the one dict or in the other, by the route; the one without it is the client's.
    """
    forged = {"user_api_key_auth": {"user_id": "forged"}, "mimo_scope": "forged"}
    metadata = {"user_api_key_auth": identity, "mimo_scope": "forged", "user_api_key_hash": "forged"}

    assert owner == owner_of({field: metadata, other: forged}, Settings(identity=order))


@pytest.mark.usefixtures("authenticating")
@pytest.mark.parametrize("forged", [{"user_id": "alice"}, "alice", None])
def test_json_is_no_identity(forged: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client may write into its metadata is not an object that authentication made."""
    monkeypatch.setattr(proxy_server, "llm_router", object())

    assert owner_of({"metadata": {"user_api_key_auth": forged}}, Settings()) is UNKNOWN
    assert owner_of({}, Settings()) is UNKNOWN


@pytest.mark.parametrize("general", [{}, {"enable_jwt_auth": True}, {"enable_oauth2_auth": True}])
def test_authentication(general: dict[str, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that authenticates nobody has one owner, whatever key a client sends."""
    monkeypatch.setattr(proxy_server, "master_key", None)
    monkeypatch.setattr(proxy_server, "general_settings", general)

    arguments = {"metadata": {"user_api_key_auth": WHOLE}}

    assert bool(general) is authenticates()
    assert (f"key:{WHOLE.api_key}" if general else EVERYBODY) == owner_of(arguments, Settings())


@pytest.mark.parametrize(("scope", "owner"), [("a", "application:a"), (7, "application:7"), (None, None)])
def test_applications(scope: object, owner: str | None) -> None:
    """Outside of a proxy it is what the application says, of whatever type."""
    assert owner == owner_of({"metadata": {"mimo_scope": scope}}, Settings())


@pytest.mark.parametrize("missing", ["general_settings", "master_key", "user_custom_auth", None])
def test_a_proxy_that_cannot_be_read(missing: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where LiteLLM does not say whether it authenticates, nothing is anybody's, whatever key a client sent."""
    for name, nothing in (("general_settings", {}), ("master_key", None), ("user_custom_auth", None)):
        monkeypatch.setattr(proxy_server, name, nothing)
    if missing is None:
        monkeypatch.delitem(sys.modules, proxy_server.__name__)
    else:
        monkeypatch.delattr(proxy_server, missing)
    quirks = quirks_for("mimo-v2.6-pro")
    assert quirks is not None
    for shared in (False, True):
        request = {"metadata": {"user_api_key_auth": WHOLE, "mimo_scope": "forged"}}
        assert scope_of(request, Settings(scope="all"), quirks, shared=shared) is None
