"""Invented histories: who writes when about what, who answers after how long, how it ends. Pure: a seed in, stories out."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tickets.demo.scenes import SCENES, Lines, Scene, Tongue
from tickets.demo.words_en import ENGLISH
from tickets.demo.words_hans import SIMPLIFIED
from tickets.demo.words_hant import TRADITIONAL

TONGUES: Final = (SIMPLIFIED, TRADITIONAL, ENGLISH)
CUSTOMERS_A_TONGUE: Final = (180, 54, 66)
SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
# Messages by hour of the day: a morning peak, a slump at noon, a long evening.
HOURS: Final = (1, 0, 0, 0, 0, 0, 1, 3, 8, 16, 18, 14, 9, 11, 13, 14, 12, 10, 9, 12, 16, 15, 9, 4)
AGENTS: Final = 10
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Person:
    """An invented customer. Addresses and numbers lie in ranges kept free for fiction."""

    tongue: Tongue
    name: str
    email: str
    phone: str
    is_vip: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens to a ticket: what the matching action wants to know."""

    at: datetime
    act: str
    text: str = ""
    then: str = ""
    waits_for: str = ""
    until: datetime | None = None
    file: str = ""


@dataclass(slots=True)
class Story:
    """One ticket from its first message on."""

    scene: Scene
    person: int
    agent: int
    subject: str
    channel: str
    priority: str
    order_number: str
    tags: tuple[str, ...]
    steps: list[Step] = field(default_factory=list)


def invent_people(dice: random.Random) -> list[Person]:
    """The customers, in the order in which they first write."""
    people: list[Person] = []
    for tongue, count in zip(TONGUES, CUSTOMERS_A_TONGUE, strict=True):
        is_western = tongue.code == "en"
        for n in range(count):
            surname, given = dice.choice(tongue.surnames), dice.choice(tongue.given)
            name = f"{given} {surname}" if is_western else f"{surname}{given}"
            number = len(people) + 1
            has = dice.choices(("both", "email", "phone"), (60, 25, 15))[0]
            local = f"{given}.{surname}".lower().replace("'", "") if is_western else "buyer"
            email = "" if has == "phone" else f"{local}{number}@mail{number % 7}.example"
            phone = "" if has == "email" else _phone(tongue.code, number)
            people.append(Person(tongue, name, email, phone, is_vip=n % 25 == 3))
    dice.shuffle(people)
    return people


def _phone(language: str, number: int) -> str:
    if language == "en":
        return f"+1202555{number % 100 + 100:04d}" if number % 100 + 100 < 200 else "+12025550199"
    return f"+886900{number:06d}" if language == "zh-hant" else f"+8619900{number:06d}"


# How many of each ending there are: 500 altogether.
def endings() -> list[str]:
    counts = {
        "closed": 140, "solved": 180, "open": 36, "open_at_risk": 16, "open_late": 12, "asked_again": 12,
        "asked_again_late": 8, "pending": 40, "on_hold": 30, "new": 8, "new_at_risk": 4, "new_late": 14,
    }  # fmt: skip
    return [ending for ending, count in counts.items() for _ in range(count)]


def invent_stories(dice: random.Random, people: Sequence[Person], now: datetime) -> list[Story]:
    """All stories, each in itself in order of time. Every customer has one, a few have many."""
    kinds = endings()
    dice.shuffle(kinds)
    often = dice.choices(range(len(people)), [1 / (n + 3) for n in range(len(people))], k=len(kinds) - len(people))
    who = [*range(len(people)), *often]
    dice.shuffle(who)
    return [
        _Teller(dice, people[person], person, now, number).tell(ending)
        for number, (ending, person) in enumerate(zip(kinds, who, strict=True))
    ]


class _Teller:
    """Tells one story: the moments move on with `wait`, each step is written down at the moment reached."""

    def __init__(self, dice: random.Random, person: Person, index: int, now: datetime, number: int) -> None:
        self.dice, self.now, self.tongue = dice, now, person.tongue
        self.scene = dice.choices(SCENES, [scene.weight for scene in SCENES])[0]
        self.lines: Lines = self.tongue.lines[self.scene.key]
        self.slots = self._slots(person, number)
        self.at = now
        tags = [tag for tag in self.scene.tags if dice.random() < 0.7] + (["11.11"] if dice.random() < 0.08 else [])
        self.story = Story(
            scene=self.scene,
            person=index,
            agent=self._agent(person.tongue.code),
            subject=self._say(self.lines.subjects),
            channel="email" if person.email and dice.random() < 0.3 else dice.choice(self.scene.channels),
            priority=dice.choice(self.scene.priorities),
            order_number=self.slots["order"] if self.scene.has_order and dice.random() < 0.85 else "",
            tags=tuple(tags),
        )

    def _slots(self, person: Person, number: int) -> dict[str, str]:
        dice, tongue = self.dice, self.tongue
        amount = dice.choice((59, 79, 129, 159, 199, 268, 329))
        money = {"en": f"€{amount // 4}.00", "zh-hant": f"NT${amount * 4:,}"}.get(tongue.code, f"{amount}.00元")
        return {
            "name": person.name.split()[0] if tongue.code == "en" else person.name,
            "order": f"LL{self.now - timedelta(days=dice.randint(1, 20)):%y%m%d}{1000 + number}",
            "product": dice.choice(tongue.products),
            "carrier": dice.choice(tongue.carriers),
            "city": dice.choice(tongue.cities),
            "days": str(dice.randint(3, 8)),
            "amount": money,
            "size": dice.choice(("S", "M", "L", "XL")),
            "agent": "{agent}",
        }

    def _agent(self, language: str) -> int:
        """Those who speak the customer's language: the first eight 繁體, the first four and the last two English."""
        able = {"zh-hant": range(8), "en": (0, 1, 2, 3, 8, 9)}.get(language, range(AGENTS))
        return self.dice.choice(tuple(able))

    def _say(self, lines: Sequence[str]) -> str:
        return self.dice.choice(lines).format(**self.slots)

    # ---------------------------------------------------------------- moments

    def begin(self, earliest: timedelta, latest: timedelta, *, by_day: bool = True) -> None:
        """Somewhere between so long ago and so long ago; by day at an hour in which people write."""
        span = (earliest - latest).total_seconds()
        for _ in range(40):
            self.at = self.now - earliest + timedelta(seconds=self.dice.random() * span)
            weight = HOURS[self.at.astimezone(SHANGHAI).hour] / max(HOURS)
            if not by_day or self.dice.random() < weight:
                return

    def wait(self, low: timedelta, high: timedelta) -> bool:
        """Let time pass; False where the present was reached, and nothing more can have happened."""
        seconds = self.dice.uniform(low.total_seconds(), high.total_seconds())
        reached = self.at + timedelta(seconds=round(seconds, 3))
        if reached >= self.now - timedelta(seconds=5):
            return False
        self.at = reached
        return True

    def wait_for_agent(self) -> bool:
        """Mostly minutes; one in ten takes longer than was promised."""
        if self.dice.random() < 0.1:
            return self.wait(11 * MINUTE, 50 * MINUTE)
        minutes = min(9.5, self.dice.lognormvariate(1.2, 0.6))
        return self.wait(minutes * MINUTE, minutes * MINUTE)

    # ---------------------------------------------------------------- steps

    def step(self, act: str, text: str = "", **more: Any) -> None:
        self.story.steps.append(Step(self.at, act, text, **more))

    def asks(self) -> None:
        files = self.scene.files
        file = files[0] if files and self.dice.random() < 0.6 else ""
        self.step("open", self._say(self.lines.asks), file=file)

    def replies(self, lines: Sequence[str], **more: Any) -> None:
        self.step("reply", self._say(lines), **more)

    def talks(self) -> None:
        """The middle of a conversation: a note, a question and its answer, both or neither."""
        if self.lines.notes and self.dice.random() < 0.35 and self.wait(MINUTE, 5 * MINUTE):
            self.step("note", self._say(self.lines.notes))
        if self.dice.random() < 0.05 and self.wait(5 * MINUTE, HOUR):
            self.step("transfer")
        if self.dice.random() < 0.35 and self.wait(15 * MINUTE, 5 * HOUR):
            self.step("answer", self._say(self.lines.follows))
            if self.wait_for_agent():
                self.replies(self.lines.replies if self.dice.random() < 0.4 else self.lines.solutions)

    def settles(self) -> None:
        """Solved with the last reply, or once the customer said thanks."""
        if not self.wait(20 * MINUTE, 9 * HOUR):
            return
        if self.dice.random() < 0.7:
            self.replies(self.lines.solutions, then="solve")
            return
        self.replies(self.lines.solutions)
        if self.wait(5 * MINUTE, 3 * HOUR):
            self.step("answer", self._say(self.tongue.thanks))
        if self.wait(MINUTE, 20 * MINUTE):
            self.step("solve")

    def reopens(self) -> None:
        """Not settled after all: the customer comes back, and it is solved a second time."""
        if self.story.steps[-1].then != "solve" and self.story.steps[-1].act != "solve":
            return
        if self.dice.random() < 0.07 and self.wait(2 * HOUR, 20 * HOUR):
            self.step("answer", self._say(self.lines.follows))
            if self.wait_for_agent():
                self.replies(self.lines.solutions, then="solve")

    # ---------------------------------------------------------------- endings

    def tell(self, ending: str) -> Story:
        getattr(self, f"_{ending}")()
        return self.story

    def _closed(self) -> None:
        self.begin(32 * DAY, 8.6 * DAY)
        self.asks()
        self.wait_for_agent()
        if self.dice.random() < 0.4:
            self.replies(self.lines.solutions, then="solve")
        else:
            self.replies(self.lines.replies)
            self.talks()
            self.settles()
        self.reopens()
        last = self.story.steps[-1]
        if (last.then == "solve" or last.act == "solve") and self.wait(7 * DAY, 7 * DAY):
            self.step("close")

    def _solved(self) -> None:
        self.begin(6.5 * DAY, 0.6 * DAY)
        self.asks()
        self.wait_for_agent()
        if self.dice.random() < 0.4:
            self.replies(self.lines.solutions, then="solve")
        else:
            self.replies(self.lines.replies)
            self.talks()
            self.settles()
        self.reopens()

    def _open(self) -> None:
        self.begin(15 * HOUR, HOUR, by_day=False)
        self.asks()
        self.wait_for_agent()
        self.replies(self.lines.replies)
        self.talks()

    def _open_at_risk(self) -> None:
        self.begin(23.4 * HOUR, 17.5 * HOUR, by_day=False)
        self.asks()
        self.wait_for_agent()
        self.replies(self.lines.replies)
        self.talks()

    def _open_late(self) -> None:
        self.begin(60 * HOUR, 25 * HOUR)
        self.asks()
        self.wait_for_agent()
        self.replies(self.lines.replies)
        self.talks()

    def _asked_again(self) -> None:
        self._ask_again(55 * MINUTE, 5 * MINUTE)

    def _asked_again_late(self) -> None:
        self._ask_again(4 * HOUR, 65 * MINUTE)

    def _ask_again(self, earliest: timedelta, latest: timedelta) -> None:
        self.begin(20 * HOUR, 5 * HOUR, by_day=False)
        self.asks()
        self.wait(2 * MINUTE, 9 * MINUTE)
        self.replies(self.lines.replies)
        self.begin(earliest, latest, by_day=False)
        self.step("answer", self._say((*self.lines.follows, *self.tongue.nudges)))

    def _pending(self) -> None:
        self.begin(5 * DAY, 4 * HOUR)
        self.asks()
        self.wait_for_agent()
        self.replies(self.lines.replies, then="hold")

    def _on_hold(self) -> None:
        self.begin(4 * DAY, 3 * HOUR)
        self.asks()
        self.wait_for_agent()
        self.replies(self.lines.replies)
        if self.wait(MINUTE, 20 * MINUTE):
            until = self.now + timedelta(hours=self.dice.randint(2, 70)) if self.dice.random() < 0.6 else None
            self.step("hold", waits_for="others", until=until)

    def _new(self) -> None:
        self._unanswered(6 * MINUTE, MINUTE)

    def _new_at_risk(self) -> None:
        self._unanswered(9 * MINUTE, 7.2 * MINUTE)

    def _new_late(self) -> None:
        self._unanswered(100 * MINUTE, 11 * MINUTE)

    def _unanswered(self, earliest: timedelta, latest: timedelta) -> None:
        self.begin(earliest, latest, by_day=False)
        self.asks()
        if self.dice.random() < 0.3 and self.wait(MINUTE, 8 * MINUTE):
            self.step("answer", self._say(self.tongue.nudges))


def in_order_of_time(stories: Sequence[Story]) -> Iterator[tuple[int, Step]]:
    """Every step of every story as it happened, with the number of its story."""
    steps = [
        (step.at, number, place, step) for number, story in enumerate(stories) for place, step in enumerate(story.steps)
    ]
    for _at, number, _place, step in sorted(steps, key=lambda one: one[:3]):
        yield number, step
