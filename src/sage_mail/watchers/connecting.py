"""A logged-in connection from an account's settings."""

from __future__ import annotations

import asyncio
import ssl

from sage_imap.aio import IMAPClient
from sage_imap.config import IMAPConfig
from sage_mail.settings import AccountSettings

__all__ = ["connect"]

# Some providers ask who is calling, and 163.com refuses SELECT to those who do not say (RFC 2971).
_CLIENT_ID = {"name": "sage-mail"}


async def connect(account: AccountSettings) -> IMAPClient:
    """A connection to the account's server, logged in.

    Raises `SecretUnavailable`, or what `IMAPClient.connect` raises; nothing is left open then.
    """
    # The keyring and files may block.
    config = await asyncio.to_thread(_config, account)
    client = IMAPClient(config=config)
    try:
        await client.connect()
    except BaseException:
        await client.close()
        raise
    return client


def _config(account: AccountSettings) -> IMAPConfig:
    token = account.resolve_token() if account.auth == "xoauth2" else None
    password = account.resolve_password() if token is None else ""
    context = None
    if account.security != "plain" and account.ca_file is not None:
        context = ssl.create_default_context(cafile=str(account.ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
    return IMAPConfig(
        host=account.host,
        port=account.effective_port,
        username=account.username,
        password=password,
        security=account.security,
        ssl_context=context,
        timeout=account.timeout,
        auth="xoauth2" if token is not None else "login",
        access_token=token,
        client_id=_CLIENT_ID,
    )
