"""The part of the page benchmarks that a browser measures: Debian's Chromium, headless, without throttling."""

import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from exchange_os.demo.client import Credentials, VenueClient

CHROMIUM = Path("/usr/bin/chromium")
SIZE = {"width": 1440, "height": 900}
SETTLED_MS = 1_000
UPDATES_A_SECOND, FRAME_SECONDS = 20, 10
LOADED = (
    ("/", ""), ("/v/{cup}/", ""), ("/v/{venue}/trade/BTC-USD/", ""), ("/v/{venue}/trade/BTC-USD-SWAP/", "trader"),
    ("/v/{cup}/event/{event}/", "trader"), ("/account/", "trader"), ("/account/history/?tab=fills", "trader"),
    ("/wallet/", "trader"), ("/deployer/venues/{console}/", "deployer"), ("/governance/{decision}/", ""),
)  # fmt: skip
WATCH = """
window.seen = { paint: 0, shift: 0 };
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.seen.paint = entry.startTime;
}).observe({ type: "largest-contentful-paint", buffered: true });
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.seen.shift += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
COUNT_FRAMES = """
(seconds) => new Promise((resolve) => {
  let frames = 0;
  const begun = performance.now();
  const next = (now) => {
    frames += 1;
    if (now - begun < 1000 * seconds) requestAnimationFrame(next);
    else resolve(1000 * frames / (now - begun));
  };
  requestAnimationFrame(next);
})
"""

Line = dict[str, Any]
Worst = tuple[float, str]


class Visitor:
    """A browser with an empty cache, signed in or not, that counts the bytes it is sent."""

    def __init__(self, browser: Browser, base_url: str, session: str) -> None:
        self.base_url = base_url
        self.context: BrowserContext = browser.new_context(viewport=SIZE)
        if session:
            self.context.add_cookies([{"name": "sessionid", "value": session, "url": base_url}])
        self.context.add_init_script(WATCH)
        self.page: Page = self.context.new_page()
        self.bytes = 0
        wire: CDPSession = self.context.new_cdp_session(self.page)
        wire.send("Network.enable")
        wire.send("Network.setExtraHTTPHeaders", {"headers": {"Accept-Encoding": "gzip"}})
        wire.on("Network.loadingFinished", self._count)

    def _count(self, event: dict[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]

    def load(self, path: str) -> tuple[float, float, float]:
        """Open a page: kB that came, ms to the largest paint, sum of shifts."""
        self.bytes = 0
        self.page.goto(self.base_url + path, wait_until="load")
        self.page.wait_for_timeout(SETTLED_MS)
        seen = self.page.evaluate("window.seen")
        return self.bytes / 1000, seen["paint"], seen["shift"]


def browser_lines(base_url: str, stage: dict[str, Any], wanted: str) -> Iterator[Line]:
    """The figures whose names begin with ``wanted``."""
    loading = ("pages.first_load", "pages.later", "pages.paint", "pages.shift")
    loads = [name for name in loading if name.startswith(wanted)]
    frames = "pages.frames".startswith(wanted)
    if not loads and not frames:
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-background-networking"]
        )
        if loads:
            yield from (line for line in bench_loads(browser, base_url, stage) if line["name"] in loads)
        if frames:
            yield bench_frames(browser, base_url, stage)
        browser.close()


def bench_loads(browser: Browser, base_url: str, stage: dict[str, Any]) -> Iterator[Line]:
    """Each page for somebody new, then again for the same browser."""
    first, later, paints, shifts = ([] for _ in range(4))
    for path, who in LOADED:
        address = path.format(**stage["places"])
        visitor = Visitor(browser, base_url, stage["sessions"].get(who, ""))
        kilobytes, paint, shift = visitor.load(address)
        again, _, again_shift = visitor.load(address)
        visitor.context.close()
        first.append((kilobytes, address))
        later.append((again, address))
        paints.append((paint, address))
        shifts.append((max(shift, again_shift), address))
    yield _worst("pages.first_load", "kB", first, 1)
    yield _worst("pages.later", "kB", later, 1)
    yield _worst("pages.paint", "ms", paints, 0)
    yield _worst("pages.shift", "", shifts, 4)


def _worst(name: str, unit: str, figures: list[Worst], digits: int) -> Line:
    """The line of the worst page, with every page in the note."""
    figures = sorted(figures, reverse=True)
    note = ", ".join(f"{path} {figure:.{digits}f}" for figure, path in figures)
    middle = statistics.median(figure for figure, _ in figures)
    return {
        "name": name, "value": round(figures[0][0], digits), "unit": unit, "p50": round(middle, digits),
        "p99": None, "samples": len(figures), "note": note,
    }  # fmt: skip


def bench_frames(browser: Browser, base_url: str, stage: dict[str, Any]) -> Line:
    """Frames a second of the terminal, its book, tape and candle moving."""
    visitor = Visitor(browser, base_url, stage["sessions"]["trader"])
    path = "/v/{venue}/trade/BTC-USD/".format(**stage["places"])
    maker = VenueClient(base_url, stage["venue"], Credentials(**stage["maker"]))
    stopping = threading.Event()
    mover = threading.Thread(target=_move, args=(maker, stopping, sent := []))
    visitor.load(path)
    mover.start()
    begun = time.perf_counter()
    frames = visitor.page.evaluate(COUNT_FRAMES, FRAME_SECONDS)
    pace = len(sent) / (time.perf_counter() - begun)
    stopping.set()
    mover.join()
    visitor.context.close()
    return {
        "name": "pages.frames", "value": round(frames, 1), "unit": "frames/s", "p50": None, "p99": None,
        "samples": round(frames * FRAME_SECONDS), "note": f"{pace:.1f} bodies a second that move the book and trade",
    }  # fmt: skip


def _move(maker: VenueClient, stopping: threading.Event, sent: list[int]) -> None:
    """Twenty times a second: four levels move, and every fifth time the maker trades with itself, twice a tick."""
    number, due = 0, time.perf_counter()
    while not stopping.is_set():
        number += 1
        items: list[dict[str, str]] = []
        for side, sign in (("buy", -1), ("sell", 1)):
            for level in (1, 2):
                price = 65_000 + sign * (level + number % 7 / 10)
                items.append(
                    {
                        "op": "place", "instId": "BTC-USD", "side": side, "ordType": "post_only", "px": f"{price:.1f}",
                        "sz": "0.002", "clOrdId": f"f{number}x{side}{level}",
                    }
                )  # fmt: skip
                if number > 1:
                    items.append(
                        {"op": "cancel", "instId": "BTC-USD", "clOrdId": f"f{number - 1}x{side}{level}"}
                    )
        maker.bulk(items)
        sent.append(number)
        due += 1 / UPDATES_A_SECOND
        stopping.wait(max(0.0, due - time.perf_counter()))
