"""Pressing Tab: the order of the focused elements, and whether the focus is visible."""

from typing import Any, NamedTuple

from playwright.sync_api import Page

MOST = 150  # key presses
WHERE = """() => {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const box = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    const parts = element.querySelectorAll("rect");  // a mark of the timeline
    const part = parts.length ? getComputedStyle(parts[0]) : null;
    return {
        name: (element.ariaLabel || element.innerText || element.name || element.tagName).trim(),
        area: element.closest("main, header, footer, #nav-sidebar")?.tagName.toLowerCase() ?? "",
        left: box.left + scrollX, top: box.top + scrollY, bottom: box.bottom + scrollY,
        is_seen: (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)
            || style.boxShadow.includes("px") || (part !== null && parseFloat(part.strokeWidth) > 0),
    };
}"""


class Stop(NamedTuple):
    """A focused element: its name, its part of the page, its box, and whether the focus is visible."""

    name: str
    area: str
    left: float
    top: float
    bottom: float
    is_seen: bool


def stop(page: Page) -> Stop | None:
    """Return the focused element."""
    found: dict[str, Any] | None = page.evaluate(WHERE)
    return Stop(**found) if found else None


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focused element's name contains this one."""
    seen = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        at = stop(page)
        if at and name in at.name:
            return
        seen.append(at.name if at else None)
    raise AssertionError(f"Tab does not lead to {name}, but to {seen}")


def round_of(page: Page) -> list[Stop]:
    """Return all focusable elements of the page in tab order."""
    stops: list[Stop] = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        at = stop(page)
        if at is None:
            return stops
        stops.append(at)
    raise AssertionError(f"Tab does not come to an end: {stops}")


def follows(before: Stop, after: Stop) -> bool:
    """True if the second element comes after the first in reading order: further right, or further down."""
    is_beside = after.top < before.bottom - 1 and before.top < after.bottom - 1
    return after.left >= before.left if is_beside else after.top > before.top
