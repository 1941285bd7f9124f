"""A client of the live feed: it reconnects and resumes by itself, so no event is missed or doubled.

`FeedClient` blocks, `AsyncFeedClient` is for asyncio. Neither loads the system itself.
"""

from sage_mail.client.asynchronous import AsyncFeedClient
from sage_mail.client.blocking import FeedClient
from sage_mail.client.course import Event
from sage_mail.errors import FeedRefused

__all__ = ["AsyncFeedClient", "Event", "FeedClient", "FeedRefused"]
