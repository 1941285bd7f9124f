"""The headers that prove where a delivery comes from, by two schemes over the same bytes.

- Standard Webhooks 1.0.0: ``webhook-signature: v1,<base64>`` is the HMAC-SHA256 of
  ``id.timestamp.body``. The key of a ``whsec_...`` secret is what its base64 says; any other
  secret is the key itself, as UTF-8. While a secret is being changed there are two signatures with
  a space between them, and a receiver accepts whichever it can verify.
- The guide: ``X-Signature: sha256=<hex>`` is the HMAC-SHA256 of the body. The key is always the
  secret's text as UTF-8, prefix included. It has room for one. While a secret is being changed it
  is the old one's, which all receivers know; with the end of the change it is the new one's.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from sage_mail.errors import ConfigError

__all__ = ["body_signature", "signature_headers"]

_PREFIX = "whsec_"


def signature_headers(
    webhook_id: str, body: bytes, *, at: datetime, secrets: Sequence[str]
) -> dict[str, str]:
    """The headers of one attempt: who it is, when it was made, and the signatures.

    Without a secret there are no signatures; the newest is the first. ``webhook_id`` is the same
    for all attempts of a delivery, ``at`` is the moment of this one.

    Raises:
        ConfigError: a secret begins with ``whsec_`` and the rest is not base64.
    """
    moment = at.astimezone(UTC)
    headers = {"webhook-id": webhook_id, "webhook-timestamp": str(int(moment.timestamp()))}
    if not secrets:
        return headers
    # The library reads the wall clock of what it is given as UTC, hence the conversion above.
    headers["webhook-signature"] = " ".join(
        _signer(secret).sign(webhook_id, moment, body.decode()) for secret in secrets
    )
    headers["X-Signature"] = body_signature(secrets[-1], body)
    return headers


def body_signature(secret: str, body: bytes) -> str:
    """``sha256=`` and the hexadecimal HMAC of the body, as the guide signs."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _signer(secret: str) -> Webhook:
    try:
        if not secret.startswith(_PREFIX):
            return Webhook(secret.encode())
        key = secret.removeprefix(_PREFIX).rstrip("=")
        return Webhook(binascii.a2b_base64(key + "=" * (-len(key) % 4), strict_mode=True))
    except (binascii.Error, ValueError, EmptyWebhookSecretError) as error:
        raise ConfigError(
            "the webhook secret begins with whsec_ but the rest is not base64; "
            "make one with: python -c 'import base64, secrets; "
            'print("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())\''
        ) from error
