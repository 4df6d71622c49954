"""Every setting, validated once, at start.

A setting is an environment variable ``MIMO_QUIRKS_<NAME>``. A wrong value, or a name that is none, stops the start with
an error that names it: a misspelt setting that is silently ignored is how a flag comes to be set and never read
(EVIDENCE §12.3).
"""

from __future__ import annotations

import difflib
import functools
import json
import os
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, field_validator

from mimo_quirks.facts.digests import digest
from mimo_quirks.facts.families import FAMILY_NAMES, last_segment
from mimo_quirks.facts.hosts import HOST_NAMES, PORTS, Host, authority, host_name
from mimo_quirks.facts.quirks import Quirks, quirks_for
from mimo_quirks.facts.written_hosts import host_from
from mimo_quirks.rejections.evidence import ALL_REMEDIES, Remedy
from mimo_quirks.sealing.strength import check_secrets

from .stores import ReasoningStore, open_store

PREFIX: Final = "MIMO_QUIRKS_"
NONE: Final = "none"
LITELLM: Final = "litellm"
_LISTS: Final = ("_FAMILIES", "_IDENTITY", "_FIX", "_SECRET")


class SettingsError(ValueError):
    """A setting that cannot be used; the message names the variable, the reason and what would do."""


class Placeholder(str, Enum):
    """What stands in for lost reasoning; never a sentence, because models echo them (EVIDENCE §11.1)."""

    AUTO = "auto"
    EMPTY = "empty"
    SPACE = "space"
    NONE = "none"


_TEXTS: Final[Mapping[Placeholder, str | None]] = {
    Placeholder.EMPTY: "",
    Placeholder.SPACE: " ",
    Placeholder.NONE: None,
}


class Provenance(str, Enum):
    """Who shares reasoning: every host of a family, or each host for itself."""

    FAMILY = "family"
    HOST = "host"


class Settings(BaseModel):
    """The operator's word about families, models, hosts, and what is remembered.

    Attributes:
        families: The model families that are looked after. Others are left alone, whatever they need.
        models: Model id to family name, or to `none`, for ids that tell nothing or mislead.
        hosts: Host, host:port or URL to the name of a host row, to a row of the operator's own (see
            `facts.written_hosts`), or to `none`. It beats detection.
        placeholder: `auto` is what the host and family want; `empty`, `space` and `none` are used everywhere.
        store: Where reasoning is remembered, as a URL; `off` remembers nothing, `litellm` is LiteLLM's own Redis.
        scope: Whose memory it is where neither a proxy's identity nor the application says so.
        identity: What a proxy's client is known by, the first that there is: its key, its user, its team.
        provenance: Whether hosts that serve one family share what is remembered.
        secret: Seals what leaves the process; the first, of 32 characters or more, seals, each opens, so that keys can
            be rotated.
        store_ttl_seconds: How long reasoning is kept after its last use.
        store_max_bytes: How much is kept at most in a file; a Redis server has a bound of its own.
        store_timeout_seconds: How long the store may take for one read or write, in its own time.
        near_max_bytes: How much each process holds at most of what it recorded and found.
        write_wait_seconds: How long an answer waits for the store to take what is recorded of it.
        sealed_max_bytes: Up to how much reasoning a client is given sealed to hand back; 0 is none. Needs a secret.
        sign: Whether thinking blocks that are not sealed are signed all the same, so that clients keep them as blocks.
        sealed_ttl_seconds: How long what a client hands back is believed.
        on_rejection: What follows a rejection: `repair` is one changed request and then an error; `fallback` is the
            same and then LiteLLM's fallbacks; `fail` is the error at once, and nothing is changed by what was learned.
        allow_thinking_off: Whether the last of the changes is allowed, which is to switch thinking off.
        policy_ttl_seconds: How long after a rejection it is remembered what a deployment wants.
        log: How much the log says: `debug`, `info` or `warning`; by default what Python's logging is set to.
        report: Whether answers say what was done to their request: in a proxy's header, in the metadata of LangChain's.
        fix: What of a request is repaired that LiteLLM would damage: `tools`, `thinking`, `content`; `none` is nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)  # secrets are not printed

    families: tuple[str, ...] = ("mimo",)
    models: Mapping[str, str] = Field(default_factory=dict)
    hosts: Mapping[str, str | Host] = Field(default_factory=dict)
    placeholder: Placeholder = Placeholder.AUTO
    store: str = Field(default="memory://", repr=False)  # its URL may hold a password
    scope: str | None = None
    identity: tuple[Literal["key", "user", "team"], ...] = ("key", "user", "team")
    provenance: Provenance = Provenance.FAMILY
    secret: tuple[str, ...] = Field(default=(), repr=False)
    store_ttl_seconds: FiniteFloat = Field(default=7 * 24 * 3600, gt=0)
    store_max_bytes: int = Field(default=64 * 2**20, gt=0)
    store_timeout_seconds: FiniteFloat = Field(default=0.25, gt=0)
    near_max_bytes: int = Field(default=64 * 2**20, gt=0)
    write_wait_seconds: FiniteFloat = Field(default=1.0, ge=0)
    sealed_max_bytes: int = Field(default=64 * 2**10, ge=0)
    sign: bool = True
    sealed_ttl_seconds: FiniteFloat = Field(default=30 * 24 * 3600, gt=0)
    on_rejection: Literal["repair", "fallback", "fail"] = "repair"
    allow_thinking_off: bool = True
    policy_ttl_seconds: FiniteFloat = Field(default=3600, gt=0)
    log: Literal["debug", "info", "warning"] | None = None
    report: bool = True
    fix: tuple[Literal["tools", "thinking", "content"], ...] = ("tools", "thinking", "content")

    @field_validator("store")
    @classmethod
    def _known_store(cls, store: str) -> str:
        store = store if "://" in store else store.lower()
        if store != LITELLM:
            open_store(store)  # nothing is opened before it is used, so this only reads the URL
        return store

    @field_validator("fix", mode="before")
    @classmethod
    def _nothing_to_fix(cls, fix: object) -> object:
        return () if fix in (NONE, (NONE,), [NONE]) else fix

    @field_validator("secret")
    @classmethod
    def _strong_secret(cls, secret: tuple[str, ...]) -> tuple[str, ...]:
        check_secrets(secret)
        return secret

    @field_validator("scope")
    @classmethod
    def _no_empty_scope(cls, scope: str | None) -> str | None:
        if scope is not None and not scope.strip():
            raise ValueError("must not be blank; unset it for no default scope")
        return scope

    @field_validator("families")
    @classmethod
    def _known_families(cls, families: tuple[str, ...]) -> tuple[str, ...]:
        for family in families:
            _require(family, FAMILY_NAMES)
        return families

    @field_validator("models")
    @classmethod
    def _known_models(cls, models: Mapping[str, str]) -> Mapping[str, str]:
        for family in models.values():
            _require(family, (*FAMILY_NAMES, NONE))
        return {model.lower(): family for model, family in models.items()}

    @field_validator("hosts", mode="before")
    @classmethod
    def _own_rows(cls, hosts: object) -> object:
        if not isinstance(hosts, Mapping):
            return hosts
        return {url: _own_row(url, row) if isinstance(row, Mapping) else row for url, row in hosts.items()}

    @field_validator("hosts")
    @classmethod
    def _known_hosts(cls, hosts: Mapping[str, str | Host]) -> Mapping[str, str | Host]:
        rows: dict[str, str | Host] = {}
        for url, row in hosts.items():
            if isinstance(row, str):
                _require(row, (*HOST_NAMES, NONE))
            scheme, separator, _ = url.partition("://")
            if separator and scheme.lower() not in PORTS:
                raise ValueError(f"{url!r} has the scheme {scheme!r}; known schemes: {', '.join(PORTS)}")
            address = authority(url)
            if address is None:
                raise ValueError(f"{url!r} names no host")
            if rows.setdefault(address, row) != row:
                raise ValueError(f"conflicting entries for host {address!r}: an entry applies to the whole host")
        return rows

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Reads the settings from the environment.

        Args:
            environ: The variables to read; the process environment by default.

        Raises:
            SettingsError: A variable with our prefix is unknown, or its value cannot be used.
        """
        environ = os.environ if environ is None else environ
        given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
        known = [f"{PREFIX}{field.upper()}" for field in cls.model_fields]
        for name in given:
            if name not in known:
                nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
                raise SettingsError(f"unknown setting {name}; did you mean {nearest}?")
        values = {name.removeprefix(PREFIX).lower(): _parse(name, value) for name, value in given.items()}
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = f"{PREFIX}{first['loc'][0]}".upper()
            raise SettingsError(f"{name}: {first['msg'].removeprefix('Value error, ')}") from None

    @property
    def allowed_remedies(self) -> frozenset[Remedy]:
        """How far a request may be changed by what rejections teach."""
        if self.on_rejection == "fail":
            return frozenset()
        off = {Remedy.THINKING_OFF} if not self.allow_thinking_off else set()
        other_placeholder = {Remedy.PAD} if self.placeholder is not Placeholder.AUTO else set()
        return ALL_REMEDIES - off - other_placeholder

    def open_store(self, litellm_redis: Any = None) -> ReasoningStore | None:
        """The store that the settings name, or None for `memory://` and `off`.

        Args:
            litellm_redis: The client of the Redis of LiteLLM's cache, for `litellm`; the LiteLLM adapter has it.

        Raises:
            SettingsError: The store is LiteLLM's, and this is not LiteLLM.
            ImportError: An extra is missing; the message tells how to install it.
        """
        if self.store == LITELLM and litellm_redis is None:
            raise SettingsError(
                f"{PREFIX}STORE: store `litellm` works only in LiteLLM's callback; use sqlite:/// or redis:// here"
            )
        return open_store(
            self.store,
            ttl_seconds=self.store_ttl_seconds,
            max_bytes=self.store_max_bytes,
            timeout_seconds=self.store_timeout_seconds,
            secrets=self.secret,
            litellm_redis=litellm_redis,
        )

    def scope_of(self, owner: str | None, quirks: Quirks, *, shared: bool) -> str | None:
        """The scope of an owner's memory of a deployment, or None where nobody may share what would be remembered.

        Args:
            owner: Whom the adapter knows the request to be of, if it knows.
            quirks: The deployment's; versions of a family share, and so do hosts unless `provenance` says otherwise.
            shared: Whether others than this process can see what is remembered.
        """
        if owner is None and self.scope is None and shared:
            return None
        host = quirks.host if self.provenance is Provenance.HOST else None
        return _scope(owner if owner is not None else self.scope, quirks.family, host)

    def scopes_of(self, owner: str) -> list[str]:
        """Every scope that an owner's memory can have, whatever the deployment and the setting of `provenance`.

        Args:
            owner: As for `scope_of`.
        """
        return [_scope(owner, family, host) for family in FAMILY_NAMES for host in (None, *HOST_NAMES)]

    def quirks_for(
        self,
        model: str,
        base_url: str | None = None,
        provider: str | None = None,
        *,
        family: str | None = None,
        wire: str = "chat",
    ) -> Quirks | None:
        """The quirks of a deployment after the operator's word, or None where it is not ours to touch.

        Args:
            model: As for `mimo_quirks.quirks_for`, and so are `base_url` and `provider`.
            base_url: See there.
            provider: See there.
            family: What the caller knows the model to be, unless the operator says otherwise.
            wire: Which wire the deployment is spoken to on.
        """
        family = self._named_family(model, provider) or family
        host = self._named_host(base_url)
        if NONE in (family, host):
            return None
        quirks = quirks_for(model, base_url, provider, family=family, host=host)
        if quirks is None or quirks.family not in self.families:
            return None
        quirks = quirks.on(wire)
        if self.placeholder is Placeholder.AUTO:
            return quirks
        return quirks.with_placeholder(_TEXTS[self.placeholder])

    def is_unknown(self, model: str, base_url: str | None, provider: str | None) -> bool:
        """Whether neither the operator nor a row says what a deployment is; the arguments are those of `quirks_for`."""
        if self._named_family(model, provider) is not None or self._named_host(base_url) == NONE:
            return False
        return quirks_for(model, base_url, provider) is None

    def _named_family(self, model: str, provider: str | None) -> str | None:
        """The operator's word about an id, written with LiteLLM's prefix or without, with a tag or without."""
        if not self.models:
            return None
        last = last_segment(model)
        spellings = (f"{provider}/{model}", model, last, last.partition(":")[0])
        return next((self.models[name] for name in map(str.lower, spellings) if name in self.models), None)

    def _named_host(self, base_url: str | None) -> str | Host | None:
        address = authority(base_url) if self.hosts else None
        if address is None:
            return None
        return self.hosts.get(address) or self.hosts.get(str(host_name(base_url)))


@functools.lru_cache(maxsize=1024)  # each request asks for its own
def _scope(owner: str | None, family: str, host: str | None) -> str:
    return digest("scope", owner, family, host)


def _own_row(url: str, written: Mapping[str, Any]) -> Host:
    try:
        return host_from(written)
    except ValueError as error:
        raise ValueError(f"{authority(url) or 'a host'}: {error}") from None


def _require(value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        nearest = difflib.get_close_matches(value, known, n=1, cutoff=0)[0]
        raise ValueError(f"unknown value {value!r}; did you mean {nearest!r}? (all: {', '.join(known)})")


def _parse(name: str, value: str) -> Any:
    """Mappings are written as JSON objects, lists as words between commas."""
    if name.endswith(("_MODELS", "_HOSTS")):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise SettingsError(f'{name}: {value!r} is not a JSON object such as {{"name": "value"}}') from None
    return tuple(word.strip() for word in value.split(",")) if name.endswith(_LISTS) else value
