"""User agents: browser, operating system, type of device, and whether a bot sent the event.

Source: the rules of the uap-core project, by the package ua-parser. They have no types of device, so those
are ours. What an event itself says about its agent and system takes precedence.

Bots are programs that act by themselves, not for a person at a screen. uap-core knows most crawlers, as
devices of the family Spider, and tells phones named CUBOT or M bot from them. It doesn't know headless
browsers, audits, most monitoring probes and commands, so our list adds them. Libraries that apps, SDKs and
servers send with (okhttp, axios, Go-http-client) don't tell who acts, so they aren't bots.
"""

from collections.abc import Mapping
from functools import lru_cache

import ua_parser

from events.enrichment.facts import USER_AGENT, Facts
from events.wire.columns import Columns, Stored
from events.wire.schema import Taken, Warned

SPIDER = "Spider"  # the device of every bot in uap-core's rules

# Parts of user agents of bots, in lower case, that uap-core's rules don't know.
BOT_MARKS: dict[str, tuple[str, ...]] = {
    "crawlers, which by convention name a page about themselves": ("+http://", "+https://"),
    "headless and driven browsers": (
        *("headless", "phantomjs", "slimerjs", "htmlunit", "puppeteer", "playwright", "selenium"),
        *("webdriver", "cypress/", "jsdom/", "splash version"),
    ),
    "audits": ("lighthouse", "pagespeed", "page speed", "gtmetrix", "ptst/", "webpagetest", "speedcurve"),
    "commands and libraries of scripts": (
        *("curl/", "libcurl", "pycurl", "wget", "aria2/", "httpie", "lwp::", "libwww-perl"),
        *("python-requests", "python-urllib", "python-httpx", "python/", "aiohttp", "scrapy"),
        *("powershell", "postmanruntime", "insomnia/", "k6/0.", "grafana k6", "jmeter", "apachebench"),
    ),
    "monitoring probes": (
        *(
            "pingdom",
            "statuscake",
            "site24x7",
            "uptime-kuma",
            "better uptime",
            "updown.io",
            "freshping",
            "hetrixtools",
            "checkly",
        ),
        *("catchpoint", "gomezagent", "ruxitsynthetic", "dynatrace synthetic", "datadogsynthetics"),
        *("datadog/synthetics", "datadog synthetics", "newrelicpinger", "newrelic synthetics", "monitis"),
        *("kube-probe", "elb-healthchecker", "googlehc", "googlestackdrivermonitoring"),
        *("amazon-route53-health-check", "edge health probe", "load balancer agent"),
        *("nagios", "check_http", "zabbix", "prometheus/", "blackbox exporter", "yottaamonitor"),
    ),
    "link previews": (
        *("facebookexternalhit", "facebookcatalog", "meta-externalagent", "meta-externalfetcher"),
        *("slack-imgproxy", "skypeuripreview", "whatsapp/", "embedly", "iframely", "vkshare"),
        *("bingpreview", "google web preview", "flipboardproxy", "link preview", "linkpreview"),
        *("kakaotalk-scrap", "bitrix link preview", "snap url preview"),
    ),
    "Google's fetchers that aren't called bot": (
        *("googleother", "google-extended", "google-inspectiontool", "google-read-aloud", "google-safety"),
        *("google-site-verification", "google-adwords", "google-cloudvertexbot", "google favicon"),
        *("mediapartners-google", "feedfetcher-google", "apis-google", "duplexweb-google", "googleproducer"),
    ),
    "assistants and collectors of text": (
        *("chatgpt-user", "claude-user", "claude-web", "anthropic-ai", "perplexity-user", "cohere-ai"),
        *("mistralai-user", "duckassist", "img2dataset", "bytespider", "trafilatura"),
    ),
}
_BOT_MARKS = [mark for marks in BOT_MARKS.values() for mark in marks]
LOOKED_AT = 400  # first characters that are checked: more cost time and reveal nothing


def is_bot(text: str, device: str | None) -> bool:
    """True if a user agent, whose device by uap-core's rules is given, is that of a bot."""
    lowered = text[:LOOKED_AT].lower()
    return device == SPIDER or any(mark in lowered for mark in _BOT_MARKS)


LONGEST = 1_000  # characters of a user agent that are kept
REMEMBERED = 4_096  # user agents; most senders have one of few
MOST = 500  # different user agents that are parsed for the events of one request: each takes up to 100 µs

# The family of an operating system, by the names of Buildless's enum. All others are OTHER_OS.
FAMILIES = {
    **dict.fromkeys(("Windows", "Windows Phone", "Windows Mobile", "Windows CE"), "WINDOWS"),
    **dict.fromkeys(("Mac OS X", "Mac OS", "iOS", "tvOS", "watchOS", "ATV OS X"), "DARWIN"),
    **dict.fromkeys(
        ("Linux", "Android", "Chrome OS", "Ubuntu", "Debian", "Fedora", "Red Hat", "SUSE", "Arch Linux"),
        "LINUX",
    ),
    **dict.fromkeys(("Tizen", "KaiOS", "webOS", "Chromecast", "Gentoo", "Mageia", "Slackware"), "LINUX"),
    **dict.fromkeys(("FreeBSD", "OpenBSD", "NetBSD", "Solaris"), "UNIX"),
}
DESKTOPS = frozenset({"WINDOWS", "DARWIN", "LINUX", "UNIX"})
# Types of device, by text in the user agent. The first match counts.
DEVICE_MARKS = (
    ("tv", ("smart-tv", "smarttv", "appletv", "apple tv", "googletv", "hbbtv", "bravia", "crkey")),
    ("tablet", ("ipad", "tablet", "kindle", "silk/", "playbook")),
    ("mobile", ("mobi", "iphone", "ipod", "opera mini", "windows phone")),
    ("tablet", ("android",)),  # without "Mobile", by Google's convention
)
_DEVICE_MARKS = [(mark, name) for name, marks in DEVICE_MARKS for mark in marks]


@lru_cache(maxsize=REMEMBERED)
def agent_columns(text: str) -> Mapping[str, Stored]:
    """Return the columns that a user agent fills."""
    found = ua_parser.parse(text)
    browser, system, device = found.user_agent, found.os, found.device
    by_bot = is_bot(text, device.family if device else None)
    family = FAMILIES.get(system.family, "OTHER_OS") if system else None
    filled = {
        "user_agent": text,
        "browser": browser and browser.family,
        "browser_version": browser and _version(browser.major, browser.minor, browser.patch),
        "os_name": system and system.family,
        "os_family": family,
        "os_version": system and _version(system.major, system.minor, system.patch),
        "device_type": "bot" if by_bot else _device_type(text.lower(), family),
        "is_bot": by_bot,
    }
    return {name: value for name, value in filled.items() if value is not None}


def _version(*parts: str | None) -> str | None:
    """Join the parts of a version, up to the first missing one."""
    known = []
    for part in parts:
        if not part:
            break
        known.append(part)
    return ".".join(known) or None


def _device_type(text: str, family: str | None) -> str:
    for mark, name in _DEVICE_MARKS:
        if mark in text:
            return name
    return "desktop" if family in DESKTOPS and text.startswith("mozilla/") else "other"


# START's own `uaspec`, and the columns that it fills.
USER_AGENT_SPEC = {"agent": "browser", "agent_version": "browser_version", "agent_system": "os_name"}
BROWSER = ("browser", "browser_version")
SYSTEM = ("os_name", "os_family", "os_version")
DERIVED = ("device_type", "is_bot")


def declare_start(taken: Taken, facts: Facts) -> None:
    """Replace what the header said with what a START says about its agent.

    Of a request with more than MOST agents the others are kept as sent, with a quality warning.
    """
    kind, envelope = taken.kind, taken.envelope
    if raw := kind.get("agent_raw"):
        for name in (*BROWSER, *SYSTEM):
            envelope.pop(name, None)
        text = raw[:LONGEST]
        if text in facts.agents or len(facts.agents) < MOST:
            facts.agents.add(text)
            envelope.update(agent_columns(text))
        else:
            for name in DERIVED:
                envelope.pop(name, None)
            envelope["user_agent"] = text
            taken.warnings.append(Warned("edata.uaspec.raw", "not_parsed"))
    if kind.get("agent"):
        envelope.pop("browser_version", None)
    system = kind.get("agent_system")
    if system and system != envelope.get("os_name"):
        envelope.pop("os_version", None)
        envelope["os_family"] = FAMILIES.get(system, "OTHER_OS")
    for column, target in USER_AGENT_SPEC.items():
        if declared := kind.get(column):
            envelope[target] = declared


def declare_buildless(taken: Taken, _: Facts) -> None:
    """Replace what the header said with what a Buildless event says about its system and agent."""
    kind, envelope = taken.kind, taken.envelope
    name, family = kind.get("os_name"), kind.get("os_family")
    if name or family:
        version = declared_version(kind, "os_version")
        _replace(envelope, SYSTEM, (name, family or FAMILIES.get(name or "", "OTHER_OS"), version))
    if agent := envelope.get("source"):
        _replace(envelope, BROWSER, (agent, declared_version(kind, "agent_version")))


def _replace(envelope: Columns, names: tuple[str, ...], values: tuple[str | None, ...]) -> None:
    for name, value in zip(names, values, strict=True):
        if value:
            envelope[name] = value
        else:
            envelope.pop(name, None)


def declared_version(kind: Mapping[str, Stored], prefix: str) -> str | None:
    """Return the version in Buildless's `VersionInfo`: its text, else its numbers."""
    if spec := kind.get(f"{prefix}_spec"):
        return str(spec)
    if kind.get(f"{prefix}_major") is None:
        return None
    parts = (kind.get(f"{prefix}_{part}") for part in ("major", "minor", "micro"))
    return _version(*(None if part is None else str(part) for part in parts))


def of_request(facts_context: Mapping[str, str]) -> Mapping[str, Stored]:
    """Return the columns that the request's header fills."""
    text = facts_context.get(USER_AGENT, "")
    return agent_columns(text) if text else {}
