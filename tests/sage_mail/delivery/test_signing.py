"""Both signatures, checked as their receivers check them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from sage_mail.delivery.signing import signature_headers
from sage_mail.errors import ConfigError

_BODY = '{"type":"message.new","data":{"subject":"Grüße"}}'.encode()
_KEY = bytes(range(32))
_WHSEC = "whsec_" + base64.b64encode(_KEY).decode()


def _guide_signature(secret: str, payload: str) -> str:
    digest = hmac.new(secret.encode("utf-8"), payload.encode("utf-8"), hashlib.sha256).hexdigest()
    return f"sha256={digest}"


@pytest.mark.parametrize("secret", [_WHSEC, _WHSEC.rstrip("=")])
def test_standard_webhooks_verifies_a_whsec_secret(secret: str) -> None:
    """The specification's own library accepts the headers, with and without padding."""
    headers = signature_headers("d1", _BODY, at=datetime.now(UTC), secrets=[secret])
    assert Webhook(secret).verify(_BODY, headers) == {
        "type": "message.new",
        "data": {"subject": "Grüße"},
    }


def test_standard_webhooks_verifies_a_raw_secret() -> None:
    """A secret without the prefix is the key itself, as UTF-8."""
    headers = signature_headers("d1", _BODY, at=datetime.now(UTC), secrets=["schlüssel"])
    Webhook("schlüssel".encode()).verify(_BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(b"another").verify(_BODY, headers)


def test_another_time_zone_is_the_same_moment() -> None:
    """The timestamp signed is the moment, whatever zone it is expressed in."""
    moment = datetime.now(UTC)
    there = moment.astimezone(timezone(timedelta(hours=9)))
    here = signature_headers("d1", _BODY, at=moment, secrets=[_WHSEC])
    assert signature_headers("d1", _BODY, at=there, secrets=[_WHSEC]) == here


@given(st.text(min_size=1).filter(lambda s: not s.startswith("whsec_")), st.text())
def test_the_guides_formula(secret: str, payload: str) -> None:
    """X-Signature is what the guide's function says for the very body that is sent."""
    headers = signature_headers("d1", payload.encode(), at=datetime.now(UTC), secrets=[secret])
    assert headers["X-Signature"] == _guide_signature(secret, payload)


def test_the_guides_key_keeps_the_prefix() -> None:
    """The guide knows no prefix, so the whole text of the secret is its key."""
    headers = signature_headers("d1", _BODY, at=datetime.now(UTC), secrets=[_WHSEC])
    assert headers["X-Signature"] == _guide_signature(_WHSEC, _BODY.decode())


def test_each_attempt_is_signed_anew() -> None:
    """A later attempt keeps the id and has another timestamp and another signature."""
    moment = datetime.now(UTC)
    first = signature_headers("d1", _BODY, at=moment, secrets=[_WHSEC])
    second = signature_headers("d1", _BODY, at=moment + timedelta(seconds=5), secrets=[_WHSEC])
    assert first["webhook-id"] == second["webhook-id"] == "d1"
    assert first["webhook-timestamp"] != second["webhook-timestamp"]
    assert first["webhook-signature"] != second["webhook-signature"]


def test_without_a_secret_nothing_is_signed() -> None:
    """An endpoint without a secret still gets the delivery's id and time."""
    headers = signature_headers("d1", _BODY, at=datetime.now(UTC), secrets=[])
    assert set(headers) == {"webhook-id", "webhook-timestamp"}


@pytest.mark.parametrize("secret", ["whsec_", "whsec_%%%", "whsec_a"])
def test_a_malformed_secret_is_refused(secret: str) -> None:
    """What only looks like a secret of the specification is an error that does not quote it."""
    with pytest.raises(ConfigError) as caught:
        signature_headers("d1", _BODY, at=datetime.now(UTC), secrets=[secret])
    assert "%%%" not in str(caught.value)


def test_receivers_of_the_guides_signature_have_an_overlap() -> None:
    """While a secret is changed X-Signature is the old one's, which they still know."""
    secrets = ["new secret, 16 or more", "old secret, 16 or more"]
    headers = signature_headers("d1", _BODY, at=datetime.now(UTC), secrets=secrets)
    assert headers["X-Signature"] == _guide_signature(secrets[1], _BODY.decode())
    assert len(headers["webhook-signature"].split()) == 2
    after = signature_headers("d1", _BODY, at=datetime.now(UTC), secrets=secrets[:1])
    assert after["X-Signature"] == _guide_signature(secrets[0], _BODY.decode())
