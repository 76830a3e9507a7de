"""The applications of the demo: their releases, and what each release brought."""

from typing import NamedTuple

from telemetry_project.demo.rhythm import Period


class Release(NamedTuple):
    """A version from a share of the last fortnight on, and the share of sessions in which it goes wrong."""

    since: float
    version: str
    errors: float


class Application(NamedTuple):
    """A sending application."""

    source: str
    releases: tuple[Release, ...]

    def release_at(self, period: Period, at: int) -> Release:
        """The newest release at a moment (milliseconds since 1970)."""
        current = self.releases[0]
        for release in self.releases:
            if period.recent.at(release.since) <= at:
                current = release
        return current


# Each has one release that brings errors, and one that mends them: in the last week, where people look first.
PORTAL = Application(
    "portal",
    (Release(0, "2.0.4", 0.03), Release(0.58, "2.1.0", 0.34), Release(0.78, "2.1.1", 0.02)),
)
MOBILE = Application("mobile", (Release(0, "5.3.1", 0.05), Release(0.3, "5.4.0", 0.04)))
CONTENT_SERVICE = Application("content-service", (Release(0, "1.18.0", 0.02), Release(0.5, "1.19.0", 0.06)))
ELIGIBILITY = Application(
    "eligibility_and_benefits",
    (Release(0, "24.10.2", 0.03), Release(0.55, "24.11.0", 0.2), Release(0.75, "24.11.1", 0.03)),
)
BUILD_CACHE = Application(
    "build-cache-agent",
    (Release(0, "1.4.2", 0.06), Release(0.6, "1.5.0", 0.24), Release(0.85, "1.5.1", 0.05)),
)
CAMPAIGN = (0.58, 0.72)  # shares of the last fortnight in which reading week brings people to the portal
SILENT_FROM = 0.88  # of it; the content service is heard of no more from here on
