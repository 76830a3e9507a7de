"""User agents of bots, and of devices that only look like bots."""

import pytest

from events.enrichment import agent

APPLE = "AppleWebKit/537.36 (KHTML, like Gecko)"
BOTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    f"Mozilla/5.0 {APPLE[:-1]}; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    f"Mozilla/5.0 (X11; Linux x86_64) {APPLE} HeadlessChrome/120.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 7.0; Moto G (4)) {APPLE} Chrome/88.0.4324.175 Mobile Safari/537.36"
    " Chrome-Lighthouse",
    f"Mozilla/5.0 {APPLE[:-1]}; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) {APPLE} Chrome/126.0.0.0 Mobile Safari/537.36"
    " (compatible; GoogleOther)",
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) {APPLE} Chrome/126.0.0.0 Mobile Safari/537.36"
    " (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (Linux; Android 7.0;) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36"
    " (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
    # A bot that pretends to be a phone with "bot" in its name.
    f"Mozilla/5.0 (Linux; Android 8.0.0; CUBOT_P20) {APPLE} Chrome/70.0 Mobile Safari/537.36 (compatible;"
    " SomeBot/1.0)",
    f"Mozilla/5.0 {APPLE} Chrome/126.0.0.0 Safari/537.36 DatadogSynthetics",
    "curl/8.5.0",
    "Wget/1.21.4",
    "python-requests/2.32.3",
    "Python/3.11 aiohttp/3.9.5",
    "python-httpx/0.27.0",
    "Scrapy/2.11 (+https://scrapy.org)",
    "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1682",
    "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "kube-probe/1.29",
    "ELB-HealthChecker/2.0",
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "WhatsApp/2.23.20.0",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
    f"Mozilla/5.0 {APPLE[:-1]}; compatible; ChatGPT-User/1.0; +https://openai.com/bot",
)
PEOPLE = (
    f"Mozilla/5.0 (Linux; Android 8.0.0; CUBOT_P20) {APPLE} Chrome/70.0.3538.110 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 6.0; CUBOT_NOTE_S) {APPLE} Chrome/70.0.3538.80 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 7.0; M bot 60 Build/NRD90M; wv) {APPLE} Version/4.0 Chrome/67.0.3396.87"
    " Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 6.0.1; M BOT TAB 101 Build/MOB30R) {APPLE} Chrome/54.0.2840.85"
    " Safari/537.36",
    "Dalvik/2.1.0 (Linux; U; Android 9; CUBOT_X19 Build/PPR1.180610.011)",
    "MyApp/3.1 (CUBOT X30; Android 11) okhttp/4.12.0",
    "UCWEB/2.0 (Java; U; MIDP-2.0; en-US; MicromaxQ5) U2/1.0.0 UCBrowser/9.4.0.342 U2/1.0.0 Mobile"
    " UNTRUSTED/1.0",
    "Safari/600.2.5 MobileRicardo (Google Pixel 6; android 13) ricardo.ch/8.28.2-82802 (debug)",
    f"Mozilla/5.0 (Linux; Android 9; AFTKA) {APPLE} Silk/108.4.6 like Chrome/108.0.5359.160 Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 11; KFTRWI) {APPLE} Silk/108.4.6 like Chrome/108.0.5359.160 Safari/537.36",
    # HTTP libraries of apps and servers, which don't tell who acts.
    "okhttp/4.12.0",
    "axios/1.7.2",
    "Go-http-client/2.0",
    "Tally/1 CFNetwork/1494.0.7 Darwin/23.4.0",
    "Dart/3.4 (dart:io)",
)


@pytest.mark.parametrize("text", BOTS)
def test_crawlers_and_monitors_are_bots(text: str) -> None:
    found = agent.agent_columns(text)
    assert (found["is_bot"], found["device_type"]) == (True, "bot")


@pytest.mark.parametrize("text", PEOPLE)
def test_phones_browsers_and_http_libraries_are_not_bots(text: str) -> None:
    found = agent.agent_columns(text)
    assert not found["is_bot"]
    assert found["device_type"] != "bot"
