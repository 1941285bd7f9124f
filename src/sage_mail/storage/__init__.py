"""Where everything is kept: units of work over SQLite or PostgreSQL, and a store of blobs.

SQLAlchemy and Alembic are imported here and nowhere else.
"""

from sage_mail.storage.blobs import BlobMissing, BlobStore
from sage_mail.storage.commits import CommitSignal, Wakeups
from sage_mail.storage.errors import RecordRejected
from sage_mail.storage.store import Storage
from sage_mail.storage.tenure import sole_service, who_serves
from sage_mail.storage.unit_of_work import UnitOfWork

__all__ = [
    "BlobMissing",
    "BlobStore",
    "CommitSignal",
    "RecordRejected",
    "Storage",
    "UnitOfWork",
    "Wakeups",
    "sole_service",
    "who_serves",
]
