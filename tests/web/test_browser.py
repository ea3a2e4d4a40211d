"""The public pages in a real browser, under the security policy of the service."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date, time

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from scheduler.model.series import Status
from scheduler.service.feeds import Feed
from scheduler.web.pages import Asset, build_pages
from tests.cast import a_configuration, a_series, a_session, at, real
from tests.web.test_pages import in_force

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.interop]

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
NOW = at("2027-05-10T09:00:00+02:00")
BASE = "https://calendar.cities.example"
FEEDS = (
    Feed("/feeds/all.ics", real().network.name, b""),
    Feed("/feeds/region/latin-america-and-the-caribbean.ics", "Latin America and the Caribbean", b""),
)
LONG = "Donaudampfschifffahrtsgesellschaftskapitänswitwenrentenauszahlungsstelle and other places of learning"
#: In Hamburg 13:00 in summer (UTC+2), 15:30 in autumn before the clocks change there on 31 October.
SESSIONS = (
    a_session(title=LONG),
    a_session(id="off", title="Cancelled one", on=date(2027, 6, 15), status=Status.CANCELLED),
    a_session(id="open", title="Open one", on=date(2027, 6, 16), start=None, end=None),
    a_session(id="autumn", title="Autumn one", on=date(2027, 10, 20), start=time(15, 30), end=time(17)),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def site() -> AsyncIterator[str]:
    """Where the pages are served, byte for byte as they were built; later this is the service itself."""
    configuration = a_configuration(a_series(*SESSIONS))
    assets = {asset.path: asset for asset in build_pages(in_force(configuration), FEEDS, NOW, BASE)}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readline()
        while await reader.readline() not in (b"\r\n", b""):
            pass
        asset = assets.get(head.decode("ascii").split(" ")[1]) if head else None
        found = asset or Asset("", "text/plain", b"not found")
        writer.write(
            f"HTTP/1.1 {'200 OK' if asset else '404 Not Found'}\r\n"
            f"Content-Type: {found.media_type}\r\nContent-Length: {len(found.octets)}\r\n"
            f"Content-Security-Policy: {POLICY}\r\nConnection: close\r\n\r\n".encode("ascii")
            + found.octets
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser() -> AsyncIterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no browser: install Debian's chromium to see the pages in one")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        await opened.close()


@dataclass(frozen=True)
class Reader:
    """One kind of reader."""

    zone: str = "Europe/Berlin"
    width: int = 1200
    scheme: str = "light"
    script: bool = True


BERLIN = Reader()
MELBOURNE = Reader(zone="Australia/Melbourne")


@dataclass
class Opened:
    """A page, what the browser complained of in it, and what it asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@dataclass
class Visitor:
    """Opens pages as some kind of reader: afresh, or once for all tests that only look."""

    browser: Browser
    site: str
    contexts: dict[Reader, BrowserContext] = field(default_factory=dict)
    seen: dict[tuple[str, Reader], Opened] = field(default_factory=dict)

    async def see(self, path: str, reader: Reader = BERLIN) -> Opened:
        """For tests that touch nothing."""
        if (path, reader) not in self.seen:
            self.seen[path, reader] = await self.open(path, reader)
        return self.seen[path, reader]

    async def open(self, path: str, reader: Reader = BERLIN) -> Opened:
        """For tests that press keys, or change something."""
        opened = Opened(await (await self._context(reader)).new_page())
        opened.page.on("console", lambda message: opened.errors.append(message.text))
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        await opened.page.goto(self.site + path)
        return opened

    async def _context(self, reader: Reader) -> BrowserContext:
        if reader not in self.contexts:
            self.contexts[reader] = await self._new_context(reader)
        return self.contexts[reader]

    async def _new_context(self, reader: Reader) -> BrowserContext:
        return await self.browser.new_context(
            timezone_id=reader.zone,
            viewport={"width": reader.width, "height": 800},
            color_scheme="dark" if reader.scheme == "dark" else "light",
            java_script_enabled=reader.script,
            permissions=["clipboard-read", "clipboard-write"],
        )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def visitor(browser: Browser, site: str) -> AsyncIterator[Visitor]:
    one = Visitor(browser, site)
    yield one
    for context in one.contexts.values():
        await context.close()


PAGES = pytest.mark.parametrize("path", ["/", "/feeds"])


@PAGES
async def test_the_browser_has_nothing_to_complain_of(visitor: Visitor, path: str) -> None:
    opened = await visitor.open(path)

    assert opened.errors == []


@PAGES
async def test_nothing_is_asked_of_another_host(visitor: Visitor, path: str) -> None:
    opened = await visitor.see(path)

    assert [address for address in opened.requests if not address.startswith(visitor.site)] == []
    assert len(opened.requests) >= 3


async def test_a_visitor_reads_the_own_hour_first(visitor: Visitor) -> None:
    page = (await visitor.see("/", MELBOURNE)).page

    times = page.locator(".sessions li").first.locator(".times p")
    await expect(times).to_have_text(
        [
            "Monday 14 June 2027, 21:00–22:00 where you are (Australia/Melbourne)",
            "13:00–14:00 Hamburg time (CEST, UTC+2)",
        ]
    )


async def test_both_days_are_named_where_they_differ(visitor: Visitor) -> None:
    page = (await visitor.see("/", MELBOURNE)).page

    times = page.locator(".sessions li").last.locator(".times p")
    await expect(times).to_have_text(
        [
            "Thursday 21 October 2027, 00:30–02:00 where you are (Australia/Melbourne)",
            "Wednesday 20 October 2027, 15:30–17:00 Hamburg time (CEST, UTC+2)",
        ]
    )


async def test_a_visitor_on_hamburgs_clock_reads_one_hour(visitor: Visitor) -> None:
    page = (await visitor.see("/", Reader(zone="Europe/Paris"))).page

    times = page.locator(".sessions li").first.locator(".times p")
    await expect(times).to_have_text(
        [
            "Monday 14 June 2027, 13:00–14:00 Hamburg time (CEST, UTC+2)",
            "The same where you are (Europe/Paris)",
        ]
    )


async def test_what_has_no_hour_gets_none_from_the_browser(visitor: Visitor) -> None:
    page = (await visitor.see("/", MELBOURNE)).page

    await expect(page.get_by_text("where you are")).to_have_count(2)


async def test_the_sessions_are_all_there_without_a_script(visitor: Visitor) -> None:
    page = (await visitor.see("/", Reader(zone="Australia/Melbourne", script=False))).page

    await expect(page.locator(".sessions li")).to_have_count(4)
    await expect(page.get_by_text("13:00–14:00 Hamburg time (CEST, UTC+2)").first).to_be_visible()
    await expect(page.get_by_role("link", name="Add to calendar (.ics)")).to_have_count(2)


async def test_a_calendar_can_be_subscribed_to_without_a_script(visitor: Visitor) -> None:
    page = (await visitor.see("/feeds", Reader(script=False))).page

    await expect(page.get_by_role("link", name="subscribe to All sessions")).to_have_count(2)
    await expect(page.get_by_role("textbox").first).to_have_value(f"{BASE}/feeds/all.ics")
    await expect(page.get_by_role("button")).to_have_count(0)


@PAGES
async def test_a_narrow_phone_needs_no_sideways_scrolling(visitor: Visitor, path: str) -> None:
    page = (await visitor.see(path, Reader(width=320, zone="America/Argentina/ComodRivadavia"))).page

    assert await page.evaluate("document.scrollingElement.scrollWidth") <= 320


@PAGES
async def test_the_first_tab_reaches_a_link_that_skips_to_the_content(visitor: Visitor, path: str) -> None:
    page = (await visitor.open(path)).page
    skip = page.get_by_role("link", name="Skip to the content")

    await page.keyboard.press("Tab")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")

    await expect(page.locator("main")).to_be_focused()


async def test_what_has_the_focus_is_framed(visitor: Visitor) -> None:
    page = (await visitor.open("/feeds")).page

    for _ in range(5):
        await page.keyboard.press("Tab")
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"


async def test_the_copy_button_copies_the_address(visitor: Visitor) -> None:
    page = (await visitor.open("/feeds")).page

    await page.get_by_role("button", name="Copy the address of All sessions").click()

    await expect(page.get_by_role("status")).to_have_text(f"Copied: {BASE}/feeds/all.ics")
    assert await page.evaluate("navigator.clipboard.readText()") == f"{BASE}/feeds/all.ics"


async def test_only_the_last_copied_address_is_marked(visitor: Visitor) -> None:
    page = (await visitor.open("/feeds")).page
    buttons = page.get_by_role("button")

    await buttons.first.click()
    await expect(buttons).to_have_text(["Copied", "Copy"])
    await buttons.last.click()

    await expect(buttons).to_have_text(["Copy", "Copied"])


async def test_a_browser_that_keeps_its_clipboard_selects_the_address(visitor: Visitor) -> None:
    """Over plain http there is no clipboard to write to."""
    page = (await visitor.open("/feeds")).page
    await page.evaluate("delete Navigator.prototype.clipboard")

    await page.get_by_role("button").first.click()

    await expect(page.get_by_role("status")).not_to_be_empty()
    assert await page.evaluate("String(getSelection())") == f"{BASE}/feeds/all.ics"


@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
async def test_the_page_follows_the_readers_colours(visitor: Visitor, scheme: str, is_dark: bool) -> None:
    page = (await visitor.see("/", Reader(scheme=scheme))).page

    colour = await page.evaluate("getComputedStyle(document.querySelector('.sheet')).backgroundColor")
    red, green, blue = (int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
    assert (max(red, green, blue) < 64) is is_dark


@PAGES
async def test_a_screen_reader_finds_its_way(visitor: Visitor, path: str) -> None:
    page = (await visitor.see(path)).page

    for role in ("banner", "navigation", "main", "contentinfo"):
        await expect(page.locator(f"role={role}")).to_have_count(1)
    await expect(page.get_by_role("heading", level=1)).to_have_count(1)
    await expect(page.locator("html")).to_have_attribute("lang", "en")


@PAGES
async def test_every_control_has_a_name_of_its_own(visitor: Visitor, path: str) -> None:
    page = (await visitor.see(path)).page

    snapshot = await page.locator("body").aria_snapshot()
    controls = re.findall(r"\b((?:link|button|textbox)\b(?: \"[^\"]+\")?)", snapshot, re.MULTILINE)
    assert len(controls) == await page.locator("a, button, input").count()
    assert all(control.endswith('"') for control in controls)
    assert len(set(controls)) == len(controls)
