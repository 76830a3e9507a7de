"""The demo's applications with their releases, and the contents, quizzes and searches of its portal."""

from typing import NamedTuple

from telemetry_project.demo.rhythm import Period


class Question(NamedTuple):
    """A question of a quiz, and the chance of a correct answer."""

    id: str
    title: str
    concept: str
    expected_seconds: int
    chance: float
    options: tuple[str, ...]


class Content(NamedTuple):
    """A content of the portal."""

    id: str
    title: str
    type: str
    version: str
    seconds: int  # that a reader usually takes
    questions: tuple[Question, ...] = ()


_FRACTIONS = (
    Question("do_q1101", "Half of 14", "fractions.half", 15, 0.92, ("7", "6", "8")),
    Question("do_q1102", "A third of 27", "fractions.third", 20, 0.81, ("9", "8", "7")),
    Question("do_q1103", "Which is larger: 2/3 or 3/5?", "fractions.compare", 40, 0.48, ("2/3", "3/5")),
    Question("do_q1104", "1/4 + 1/3", "fractions.add", 60, 0.55, ("7/12", "2/7", "1/6")),
)
_WATER = (
    Question("do_q2201", "Water boils at sea level at", "water.states", 20, 0.88, ("100 °C", "90 °C")),
    Question("do_q2202", "What drives the water cycle?", "water.cycle", 30, 0.66, ("the sun", "the moon")),
    Question("do_q2203", "Clouds are made of", "water.clouds", 30, 0.42, ("droplets", "steam", "smoke")),
)

CONTENTS = (
    Content("do_3001", "Fractions at the market", "Quiz", "3", 300, _FRACTIONS),
    Content("do_3002", "Where the rain comes from", "Quiz", "1", 280, _WATER),
    Content("do_3003", "The lion and the mouse", "Story", "2", 210),
    Content("do_3004", "Reading a map", "Video", "1", 420),
    Content("do_3005", "Rivers of the world", "Video", "5", 540),
    Content("do_3006", "My first poem", "Worksheet", "2", 360),
    Content("do_3007", "Light and shadow", "Video", "1", 330),
    Content("do_3008", "A day at the observatory", "Story", "1", 260),
)
POPULARITY = (14, 11, 10, 8, 6, 4, 4, 3)

# Query, filters, number of results. Some find nothing, which suggests content to write.
SEARCHES: tuple[tuple[str, dict[str, list[str]], int], ...] = (
    ("fractions", {"subject": ["Mathematics"]}, 24),
    ("rain", {"subject": ["Science"]}, 11),
    ("story", {}, 63),
    ("poem", {"language": ["English"]}, 9),
    ("map reading", {}, 6),
    ("volcano", {"subject": ["Geography"]}, 0),
    ("kannada grammar", {"language": ["Kannada"]}, 0),
    ("light", {"grade": ["4", "5"]}, 8),
)
COMMENTS = (
    "Clear and short",
    "My class loved it",
    "The sound is too low",
    "Too easy",
    "More of these, please",
)


class Release(NamedTuple):
    """A version, released after a share of the last fortnight, and the share of its sessions with errors."""

    since: float
    version: str
    errors: float


class Application(NamedTuple):
    """A sending application."""

    source: str
    releases: tuple[Release, ...]

    def release_at(self, period: Period, at: int) -> Release:
        """Return the newest release at a moment (milliseconds since 1970)."""
        current = self.releases[0]
        for release in self.releases:
            if period.recent.at(release.since) <= at:
                current = release
        return current


# Each has one release with errors and one that fixes them, both in the last week, where people look first.
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
SILENT_FROM = 0.88  # of it; the content service sends nothing after this
