"""The demo's organization, owners, key and users. Missing ones are created, existing ones never changed."""

import ipaddress
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import NAMESPACE_URL, uuid5

from django.conf import settings
from django.contrib.auth import get_user_model

from events.ownership import provisioning
from events.ownership.api_key import ApiKey, KeyType, hash_of, new_key, parts_of
from events.ownership.owner import Membership, Organization, Owner, Role
from events.store.usage import UsageHour

SLUG = "demo"
LEARNING, KEY_DELIVERY, BUILD_TOOLS = "Learning portal", "Key delivery", "Build tools"
CONTACTS = {
    LEARNING: "learning@demo.example",
    KEY_DELIVERY: "key-delivery@demo.example",
    BUILD_TOOLS: "builds@demo.example",
}


class DemoUser(NamedTuple):
    """A user of the demo. The password is published, so it only works on this machine."""

    name: str
    password: str
    may: str
    roles: dict[str, Role]

    @property
    def is_operator(self) -> bool:
        """True if the user may see and change everything."""
        return not self.roles


USERS = (
    DemoUser("operator", "operator-demo", "sees and changes everything", {}),
    DemoUser("lead", "lead-demo", "leads the three demo owners", dict.fromkeys(CONTACTS, Role.LEAD)),
    DemoUser("viewer", "viewer-demo", f"sees the events of {LEARNING}", {LEARNING: Role.VIEWER}),
)


def exists() -> bool:
    """True if the organization exists."""
    return Organization.objects.filter(slug=SLUG).exists()


def organization() -> Organization:
    """Return the demo's organization, created if missing."""
    return provisioning.organization(SLUG)


def establish() -> dict[str, Owner]:
    """Return the demo's owners by name, created if missing."""
    owners = {}
    for name, contact in CONTACTS.items():
        # A key derived from the name. Ids depend on it, so that the same seed makes the same events.
        owners[name], _ = Owner.objects.get_or_create(
            organization=organization(),
            name=name,
            defaults={"contact": contact, "key": uuid5(NAMESPACE_URL, f"tally:demo/{name}")},
        )
    return owners


def has_data() -> bool:
    """True if anything was filed for the demo's owners."""
    return UsageHour.objects.filter(owner__organization__slug=SLUG, owner__name__in=CONTACTS).exists()


def is_exposed(host: str, base_url: str) -> bool:
    """True if others can reach the demo, by the listening address or the address of links."""
    return not (_is_loopback(host) and _is_loopback(urlsplit(base_url).hostname or ""))


def _is_loopback(host: str) -> bool:
    if host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def make_users(*, exposed: bool) -> Mapping[str, str]:
    """Create the demo's missing users, and return the passwords that are shown only once.

    If others can reach the demo, users get random passwords, including those who have a published one from an
    earlier start.
    """
    owners = establish()
    told = {}
    for user in USERS:
        account = get_user_model().objects.filter(username=user.name).first()
        is_new = account is None
        if account is None:
            account = get_user_model()(username=user.name, is_staff=True, is_superuser=user.is_operator)
        elif not (exposed and account.check_password(user.password)):
            continue
        password = user.password
        if exposed:
            password = told[user.name] = secrets.token_urlsafe(12)
        account.set_password(password)
        account.save()
        if is_new:
            for owner, role in user.roles.items():
                Membership.objects.create(user=account, owner=owners[owner], role=role)
    return told


def key_file() -> Path:
    """Return the file with the demo key's text, which stays the same at each start."""
    return Path(settings.DATA) / "demo_key"


def key_text() -> str:
    """Return the text of the demo key, or an empty text if no key works."""
    text = key_file().read_text().strip() if key_file().exists() else ""
    parts = parts_of(text)
    key = ApiKey.objects.usable().filter(prefix=parts.prefix).first() if parts else None
    return text if key and key.matches(text) else ""


def make_key() -> None:
    """Create the demo key if it is missing: publishable, so it can only write, and for one owner of the demo.

    A revoked key isn't replaced.
    """
    parts = parts_of(key_file().read_text().strip()) if key_file().exists() else None
    if parts is None:
        parts = new_key(KeyType.PUBLISHABLE)
        write_privately(key_file(), parts.whole)
    owner = establish()[KEY_DELIVERY]
    ApiKey.objects.get_or_create(
        prefix=parts.prefix,
        defaults={
            "organization_id": owner.organization_id,
            "name": "Demo key",
            "type": KeyType.PUBLISHABLE,
            "hash": hash_of(parts.whole),
            "default_owner": owner,
        },
    )


def write_privately(path: Path, text: str) -> None:
    """Replace a file with one that only this user can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(f"{text}\n")
