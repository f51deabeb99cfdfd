"""A page in a headless Chromium without a network, for tests that look at what a reader sees."""

import json
import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",  # WebGL without a graphics card
    "--enable-unsafe-swiftshader",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def started():
    """Yield the driver of a browser with a new profile; skip where there is none."""
    chromium, driver = (
        shutil.which("chromium") or shutil.which("chromium-browser"),
        shutil.which("chromedriver"),
    )
    if not (chromium and driver):
        pytest.skip(
            "NO BROWSER: chromium and chromium-driver are not installed, so no page was opened"
        )
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for flag in (*_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        browser = webdriver.Chrome(options=options, service=Service(driver))
        try:
            yield browser
        finally:
            browser.quit()


def opened(browser, path, width=1200):
    """The browser with the file at ``path`` anew in a window ``width`` pixels wide; its logs begin
    there.
    """
    browser.get("about:blank")
    browser.get_log("browser"), browser.get_log("performance")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(Path(path).resolve().as_uri())
    return browser


def errors(browser):
    """What the page complained about on the console."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def requested(browser):
    """Addresses that were asked for, other than those of files, of data in the page, and of the
    browser itself.
    """
    messages = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    urls = [
        m["params"]["request"]["url"]
        for m in messages
        if m["method"] == "Network.requestWillBeSent"
    ]
    return [
        url for url in urls if not url.startswith(("file:", "data:", "blob:", "chrome:", "about:"))
    ]
