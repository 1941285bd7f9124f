"""The mails of the demo: some forty, written for it, from people and companies that do not exist.

Their texts are the TOML files in ``texts``, which are made to be read and changed.
"""

from __future__ import annotations

from sage_mail.demo.mails.mailbox import DemoMail, demo_mails

__all__ = ["DemoMail", "demo_mails"]
