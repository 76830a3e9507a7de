"""Visits of the learning portal by learners and by two bots, a crawler and a browser test (Sunbird)."""

import random
from collections.abc import Iterator

from events.wire.values import Wire
from telemetry_project.demo.catalogue import (
    COMMENTS,
    CONTENTS,
    POPULARITY,
    PORTAL,
    SEARCHES,
    Content,
    Question,
)
from telemetry_project.demo.people import PLACES, Person
from telemetry_project.demo.posting import Post, Sunbird
from telemetry_project.demo.rhythm import Period
from telemetry_project.demo.sunbird import Session

STACK = (
    "TypeError: can't read 'pages' of undefined\n  at Player.open (player.{version}.js:1:48213)\n  at {page}"
)


class Visit(Session):
    """A learner's session. `full` includes every possible action; `errors` is the chance of errors."""

    full = False
    mobile = False
    errors = 0.0

    def maybe(self, chance: float) -> bool:
        """Return True with this chance."""
        return super().maybe(chance) or self.full

    def show(self, page: str, kind: str, **edata: Wire) -> None:
        """Show a page. The first mobile release omits its address."""
        self.wait(0.3, 2)
        self.page = page
        if not (self.mobile and self.pdata["ver"] == "5.3.1"):
            edata["uri"] = f"/{page}"
        self.say("IMPRESSION", self.env(), type=kind, pageid=page, **edata)

    def act(self, element: str, kind: str = "CLICK", **edata: Wire) -> None:
        """Use something on the page."""
        self.wait(2, 35)
        self.say(
            "INTERACT",
            self.env(),
            type="TOUCH" if self.mobile and kind == "CLICK" else kind,
            id=element,
            pageid=self.page,
            **edata,
        )

    def env(self) -> str:
        """Return the part of the application that the page belongs to."""
        return {"player": "contentplayer", "quiz": "contentplayer", "results": "search"}.get(
            self.page, "home"
        )


def visit(session: Visit) -> None:
    """Run the whole session, from opening to leaving."""
    _open(session)
    if session.maybe(0.45):
        _search(session)
    for content in _chosen(session):
        _study(session, content)
    if session.maybe(0.12):
        _profile(session)
    if session.maybe(0.82):
        _leave(session)


def _open(session: Visit) -> None:
    person = session.person
    start: dict[str, Wire] = {
        "type": "app" if session.mobile else "session",
        "mode": "play",
        "stageid": "home",
    }
    if session.mobile:
        start["dspec"] = {"os": person.system, "make": person.make, "mem": 4096, "scrn": 6.1, "cap": ["GPS"]}
        if session.maybe(0.08):
            del start["mode"]  # an omission that causes a warning, not a rejection
    else:
        start["uaspec"] = {
            "agent": person.agent,
            "ver": person.agent_version,
            "system": person.system,
            "platform": "Web",
        }
    session.say("START", "home", loc=person.place.country, duration=session.rng.randint(1, 4), **start)
    session.show("home", "list", subtype="Scroll")
    if session.person.campaign:
        session.act("banner-reading-week")


def _search(session: Visit) -> None:
    query, filters, size = session.rng.choice(SEARCHES)
    session.act("search-box", "SEARCH")
    session.wait(1, 6)
    best = [{"identifier": content.id, "score": 9 - place} for place, content in enumerate(CONTENTS[:3])]
    session.say(
        "SEARCH",
        "search",
        type="content",
        query=query,
        filters=filters,
        sort={"lastUpdatedOn": "desc"},
        correlationid=f"{session.rng.getrandbits(64):016x}",
        size=size,
        topn=best if size else [],
    )
    session.show("results", "search", visits=_in_sight() if size else [])
    if not size and session.maybe(0.5):
        session.act("clear-filters")


def _in_sight() -> list[dict[str, Wire]]:
    return [
        {"objid": content.id, "objtype": "Content", "objver": content.version, "index": place}
        for place, content in enumerate(CONTENTS[:4])
    ]


def _chosen(session: Visit) -> list[Content]:
    """Return the contents studied, usually popular ones. With `full`, a quiz and a video."""
    if session.full:
        return [CONTENTS[0], CONTENTS[3]]
    return session.rng.choices(CONTENTS, POPULARITY, k=session.rng.choice((1, 1, 2, 3)))


def _study(session: Visit, content: Content) -> None:
    """Open and use a content and, usually, finish it."""
    session.show("course-detail", "detail")
    session.object = {
        "id": content.id,
        "type": "Content",
        "ver": content.version,
        "rollup": {"l1": "do_course_7"},
    }
    session.act("play")
    began = session.now
    session.say("START", "contentplayer", type="player", mode="play", stageid="cover")
    session.page = "quiz" if content.questions else "player"
    if session.maybe(session.errors):
        _fail(session)
    if content.questions:
        for index, question in enumerate(content.questions):
            _answer(session, question, index)
    else:
        _watch(session, content)
    if session.maybe(0.85):
        _finish(session, content, began)
    session.object = {}


def _watch(session: Visit, content: Content) -> None:
    share = min(1.0, session.rng.betavariate(4, 1.4))
    for part in range(session.rng.randint(1, 4)):
        session.wait(content.seconds * share / 5, content.seconds * share / 3)
        session.say(
            "INTERACT",
            "contentplayer",
            type="LISTEN",
            subtype=("PAUSE", "RESUME")[part % 2],
            id="media",
            pageid="player",
            extra={"values": [{"position": round(content.seconds * share * (part + 1) / 5, 1)}]},
        )
    if session.maybe(0.25 if session.mobile else 0.03):
        session.say(
            "INTERRUPT", "contentplayer", type="CALL" if session.mobile else "BACKGROUND", pageid="player"
        )
        session.wait(30, 1500)


def _answer(session: Visit, question: Question, index: int) -> None:
    seconds = max(2.0, session.rng.gauss(question.expected_seconds, question.expected_seconds / 3))
    session.wait(seconds, seconds + 1)
    right = session.rng.random() < question.chance
    chosen = question.options[0] if right else session.rng.choice(question.options[1:])
    if session.maybe(0.3):
        session.say(
            "RESPONSE",
            "contentplayer",
            target={"id": question.id, "ver": "1", "type": "AssessmentItem"},
            type="CHOOSE",
            values=[{"option": chosen}],
            **({} if session.maybe(0.1) and not session.full else {"qid": question.id}),
        )
    session.say(
        "ASSESS",
        "contentplayer",
        index=index + 1,
        item={
            "id": question.id,
            "title": question.title,
            "type": "mcq",
            "maxscore": 1,
            "exlength": question.expected_seconds,
            "mc": [question.concept],
            "mmc": [] if right else [question.concept],
        },
        score=1 if right else 0,
        resvalues=[{"answer": chosen}],
        duration=round(seconds, 1),
        **{"pass": "Yes" if right else "No"},
    )


def _fail(session: Visit) -> None:
    """Log the errors of faulty releases."""
    session.wait(0.5, 4)
    version = session.pdata["ver"]
    err, kind = session.rng.choices((("PLAYER-204", "CONTENT"), ("NET-0", "SYSTEM")), (5, 1))[0]
    session.say(
        "ERROR",
        "contentplayer",
        err=err,
        errtype="MOBILEAPP" if session.mobile else kind,
        stacktrace=STACK.format(version=version, page=session.page),
        pageid=session.page,
        plugin={"id": "org.demo.player", "ver": version},
    )
    if session.maybe(0.6):
        session.act("retry")


def _finish(session: Visit, content: Content, began: int) -> None:
    session.wait(2, 20)
    session.say(
        "END",
        "contentplayer",
        type="player",
        mode="play",
        pageid="end",
        duration=round((session.now - began) / 1000, 1),
        summary=[{"progress": 100}, {"questions": len(content.questions)}],
    )
    if session.mobile and session.maybe(0.07):
        session.say("EXDATA", "contentplayer", type="xapi", data="eyJ2ZXJiIjoiY29tcGxldGVkIn0=")
    if session.maybe(0.16):
        session.wait(3, 40)
        rating = session.rng.choices((5, 4, 4.5, 3, 2, 1), (8, 7, 4, 3, 1, 1))[0]
        comment = {"comments": session.rng.choice(COMMENTS)} if session.maybe(0.5) else {}
        session.say("FEEDBACK", "contentplayer", rating=rating, **comment)
    if session.maybe(0.06):
        item = {"id": content.id, "type": "Content", "ver": content.version}
        session.act("share")
        session.say(
            "SHARE", "home", dir="Out", type="Link", items=[{**item, "to": {"id": "", "type": "Group"}}]
        )


def _profile(session: Visit) -> None:
    session.show("profile", "view")
    session.act("save")
    before = session.object
    session.object = {"id": session.person.id, "type": "User", "ver": "1"}
    session.say("AUDIT", "user", props=["language", "grade"], state="Updated", prevstate="Created")
    session.object = before


def _leave(session: Visit) -> None:
    session.wait(1, 30)
    kind = "app" if session.mobile else "session"
    duration = session.seconds()
    if session.mobile:
        session.say(
            "SUMMARY",
            "home",
            type=kind,
            mode="play",
            starttime=session.began,
            endtime=session.now,
            timespent=str(duration),  # as the SDK sends it: text
            pageviews=session.count("IMPRESSION"),
            interactions=session.count("INTERACT"),
            eventssummary=[{"id": "IMPRESSION", "count": session.count("IMPRESSION")}],
        )
    session.say("END", "home", type=kind, mode="play", pageid=session.page, duration=duration)


CHANNEL = "demo-schools"
PAGES = ("home", "course-detail", "results", "profile")
CHECKS = 0.3  # share of the visits made by the browser test


def _bot(name: str, system: str, browser: str, version: str, user_agent: str) -> Person:
    return Person(
        id=name,
        place=PLACES[-1],
        device=name,
        system=system,
        make="Desktop",
        agent=browser,
        agent_version=version,
        joined=0,
        campaign=False,
        clock_ahead_ms=0,
        lag_ms=0,
        user_agent=user_agent,
    )


CRAWLER = _bot(
    "crawler",
    "Linux",
    "Googlebot",
    "2.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
)
CHECK = _bot(
    "portal-check",
    "Linux",
    "HeadlessChrome",
    "126.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " HeadlessChrome/126.0.0.0 Safari/537.36",
)


def bot_visits(rng: random.Random, sender: Sunbird, period: Period, budget: int) -> Iterator[Post]:
    """Yield visits of both bots, at any hour, until the budget of events is spent."""
    while sender.events < budget:
        began = period.since + rng.randrange(period.until - period.since)
        is_check = rng.random() < CHECKS
        bot = CHECK if is_check else CRAWLER
        release = PORTAL.release_at(period, began)
        pdata = {"id": PORTAL.source, "ver": release.version, "pid": "portal.web"}
        session = Visit(rng, bot, began, pdata, CHANNEL)
        session.errors = release.errors
        if is_check:
            visit(session)
        else:
            _crawl(session)
        yield from sender.posts(session.events, sent_from=bot.sent_from())


def _crawl(session: Visit) -> None:
    """Load a few pages one after another, without using anything on them."""
    session.actor = {"id": "anonymous", "type": "User"}
    for page in session.rng.choices(PAGES, k=session.rng.randint(2, 7)):
        session.show(page, "view")
