"""The secret key of a one-machine installation: created at the first start, stored in the data folder."""

import os
import secrets
from pathlib import Path


def local_secret(data: Path) -> str:
    """Return the key in `data`/secret_key. Two processes that start at once agree on one."""
    path = data / "secret_key"
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        draft = data / f"secret_key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        try:
            # Creating a hard link fails if the name exists, so the first writer wins.
            path.hardlink_to(draft)
        except FileExistsError:
            pass  # another process was faster, so use its key
        finally:
            draft.unlink()
    return path.read_text()
