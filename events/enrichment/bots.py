"""Bots: which user agents are those of programs that act by themselves, not for a person at a screen.

uap-core's rules know most crawlers, as devices of the family Spider, and tell phones that are called CUBOT or
M bot from them. They don't know headless browsers, audits, most monitoring probes and commands; that is ours.
Libraries that apps, SDKs and servers use to send (okhttp, axios, Go-http-client) say nothing of who acts, so
they are no bots.
"""

SPIDER = "Spider"  # the device of every bot in uap-core's rules

# Parts of user agents of bots in lower case, beside those that uap-core's rules know.
MARKS: dict[str, tuple[str, ...]] = {
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
_MARKS = [mark for marks in MARKS.values() for mark in marks]
LOOKED_AT = 400  # characters from the begin: a longer text costs more and says nothing else


def is_bot(text: str, device: str | None) -> bool:
    """True if a user agent, whose device by uap-core's rules is given, is that of a bot."""
    lowered = text[:LOOKED_AT].lower()
    return device == SPIDER or any(mark in lowered for mark in _MARKS)
