// Chromium, and the errors of its pages.

import { chromium } from "playwright-core";
import { chromiumPath } from "../../browser/lib/chromium.js";
import { patience } from "../../browser/lib/processes.js";

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export function launch() {
  return chromium.launch({ executablePath: chromiumPath(), args: flags });
}

/** Opens a page that collects its errors in page.errors. */
export async function open(browser, url) {
  const context = await browser.newContext();
  return openIn(context, url);
}

export async function openIn(context, url) {
  const page = await context.newPage();
  page.errors = [];
  page.on("pageerror", (error) => page.errors.push(String(error)));
  page.on(
    "console",
    (message) =>
      message.type() === "error" &&
      !message.location().url.endsWith("/favicon.ico") &&
      page.errors.push(message.text()),
  );
  await page.goto(url);
  return page;
}

/** Waits until a page shows text, or has an error. */
export async function shows(page, text) {
  await page
    .waitForFunction((text) => document.body?.textContent.includes(text), text, { timeout: patience })
    .catch(async () => {
      throw new Error(
        `the page shows ${JSON.stringify(await page.textContent("body"))}, not ${text}; errors: ${page.errors.join("; ") || "none"}`,
      );
    });
}
