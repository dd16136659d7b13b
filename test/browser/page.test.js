// The page, as people use it. Elements are found by roles and labels, as people see and
// hear them.

import assert from "node:assert/strict";
import axe from "axe-core";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { newContext, plainAddresses, startBrowser } from "./lib/browser.js";
import { endAll, nativeGet, nativePing, nativeSet, startNode, startPython, startRelay } from "./lib/network.js";
import { each, root, until } from "./lib/processes.js";

const screenshots = join(root, "artifacts/screenshots");

let browser, relay, natives, pythons;

before(async () => {
  const first = await startNode([], ["--webrtc"]);
  natives = [
    first,
    ...(await Promise.all(
      ["--webrtc", "--webrtc", "", ""].map((arg) => startNode([first.address], arg ? [arg] : [])),
    )),
  ];
  pythons = await startPython(2);
  for (const python of pythons) {
    await python.bootstrap(first.address);
  }
  relay = await startRelay({ bootstrap: [first.address] });
  browser = await startBrowser(plainAddresses);
  await mkdir(screenshots, { recursive: true });
});

after(endAll);

/** The page in a new profile, which complains about nothing. */
async function open(options, path = "/") {
  const context = await newContext(browser, options);
  const page = await context.newPage();
  page.complaints = watch(page);
  await page.goto(new URL(path, relay.url).href);
  return page;
}

/** What goes wrong in a page. */
function watch(page) {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(message.text()));
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  return complaints;
}

const button = (page, name) => page.getByRole("button", { name, exact: true });
const result = (page) => page.getByRole("group", { name: "Result" });
const valueOf = (page) => page.getByLabel("The value", { exact: true });
const leaveButton = (page) => button(page, "Leave");

async function joinNetwork(page) {
  await button(page, "Join the network").click();
  await leaveButton(page).waitFor();
}

/** The address that the page says others see. */
async function addressOf(page) {
  const text = await until(
    async () =>
      /127\.0\.0\.1:\d+/.exec(await page.getByRole("region", { name: "This node", exact: true }).innerText())?.[0],
    "the lent address",
  );
  return text;
}

async function shows(page, text) {
  await until(
    async () => (await result(page).innerText()).includes(text),
    `${JSON.stringify(text)} in the result`,
  ).catch(async (error) => {
    throw new Error(`${error.message}: it says ${JSON.stringify(await result(page).innerText())}`);
  });
}

async function get(page, key) {
  await page.getByLabel("Key", { exact: true }).fill(key);
  await button(page, "Get").click();
}

async function set(page, key, value, type) {
  await page.getByLabel("Key", { exact: true }).fill(key);
  await page.getByLabel("Type", { exact: true }).selectOption(type);
  if (type === "bool") {
    await page.getByRole("radio", { name: String(value) }).check();
  } else {
    await page.getByRole("textbox", { name: "Value", exact: true }).fill(value);
  }
  await button(page, "Set").click();
  await shows(page, `“${key}” is stored on`);
}

test("a click on Join makes the page a node, which sets and gets, then leaves", async () => {
  const page = await open();
  await joinNetwork(page);
  const address = await addressOf(page);
  assert.match(await nativePing(address), /^[0-9a-f]{40}$/);

  for (const [type, text, v] of [
    ["str", "hello, Καλημέρα", "hello, Καλημέρα"],
    ["int", "18446744073709551615", "18446744073709551615"],
    ["float", "3.0", 3],
    ["bool", true, true],
    ["bytes", "00ff", "00ff"],
  ]) {
    await set(page, `page ${type}`, text, type);
    assert.deepEqual(await pythons[0].get(`page ${type}`), { t: type, v });
  }
  const theirs = [
    { t: "str", v: "from Python" },
    { t: "int", v: "18446744073709551615" },
    { t: "float", v: 1.5 },
    { t: "bytes", v: "c0ffee" },
    { t: "bool", v: false },
  ];
  await each(theirs, theirs.length, (value) => pythons[1].set(`python ${value.t}`, value));
  for (const value of theirs) {
    await get(page, `python ${value.t}`);
    await shows(page, `“python ${value.t}” is`);
    const shown = await valueOf(page).innerText();
    assert.equal(
      shown.replace(/[\s_,]/g, "").toLowerCase(),
      String(value.v)
        .replace(/[\s_,]/g, "")
        .toLowerCase(),
      value.t,
    );
  }
  await get(page, "nobody has set this");
  await shows(page, "Nobody has a value under “nobody has set this”.");
  await set(page, "from the page", "to Go", "str");
  assert.deepEqual(await nativeGet(natives[1], "from the page"), { t: "str", v: "to Go" });

  await leaveButton(page).click();
  await button(page, "Join the network").waitFor();
  await assert.rejects(nativePing(address));
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("hostile keys and values are text, and no script of theirs runs", async () => {
  const page = await open();
  await joinNetwork(page);
  const hostile = [
    `<img src=x onerror="window.hacked = 1">`,
    `<script>window.hacked = 1</script>`,
    `"><svg onload=window.hacked=1>`,
    `</pre></textarea><iframe srcdoc="<script>parent.hacked=1</script>"></iframe>`,
    `javascript:window.hacked=1//<a href="javascript:window.hacked=1">x</a>`,
    `{{constructor.constructor("window.hacked=1")()}} \${window.hacked=1}`,
  ];
  for (const text of hostile) {
    await nativeSet(natives[1], text, { t: "str", v: text });
    await get(page, text);
    await until(async () => (await valueOf(page).innerText()) === text, `${text} as text`);
    // The panels of records and events show the text, too.
    await set(page, text, text, "str");
  }
  const bytes = Buffer.from(hostile[0]).toString("hex");
  await nativeSet(natives[1], "hostile bytes", { t: "bytes", v: bytes });
  await get(page, "hostile bytes");
  await shows(page, "hostile bytes");
  const link = await open({}, `/#key=${encodeURIComponent(hostile[0])}`);
  await until(async () => (await link.locator("body").innerText()).includes(hostile[0]), "the link's key as text");
  for (const p of [page, link]) {
    assert.equal(await p.evaluate(() => window.hacked), undefined);
    assert.equal(await p.locator("[onerror], [onload], iframe, img[src=x], a[href^=javascript]").count(), 0);
    assert.deepEqual(p.complaints, []);
    await p.context().close();
  }
});

test("the Content-Security-Policy lets no inline script run", async () => {
  const page = await open();
  const blocked = await page.evaluate(async () => {
    const blocked = [];
    document.addEventListener("securitypolicyviolation", (event) => blocked.push(event.effectiveDirective));
    const script = document.createElement("script");
    script.textContent = "window.hacked = 1";
    document.head.append(script);
    const box = document.createElement("div");
    box.innerHTML = `<button onclick="window.hacked = 1">x</button><img src="/icon.svg" onload="window.hacked = 1">`;
    document.body.append(box);
    box.firstChild.click();
    const elsewhere = document.createElement("script");
    elsewhere.src = "data:text/javascript,window.hacked=1";
    const failed = new Promise((resolve) => (elsewhere.onerror = resolve));
    document.head.append(elsewhere);
    await failed;
    await new Promise((resolve) => setTimeout(resolve, 100));
    return blocked;
  });
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.ok(blocked.includes("script-src-elem"), blocked.join());
  assert.ok(blocked.includes("script-src-attr"), blocked.join());
  await page.context().close();
});

test("a share link takes the key to another tab, and to another person", async () => {
  const page = await open();
  await joinNetwork(page);
  await set(page, "shared / key & ümlaut?", "shared value", "str");
  const [other] = await Promise.all([
    page.waitForEvent("popup"),
    page.getByRole("link", { name: "Open in another tab" }).click(),
  ]);
  const complaints = watch(other);
  await shows(other, "“shared / key & ümlaut?” is");
  assert.equal(await valueOf(other).innerText(), "shared value");
  assert.notEqual(await addressOf(other), await addressOf(page));
  const url = new URL(other.url());

  const person = await open({}, url.pathname + url.hash);
  await until(
    async () => (await person.locator("body").innerText()).includes("shared / key & ümlaut?"),
    "the key in the invitation",
  );
  await button(person, "Join and get the key").click();
  await shows(person, "“shared / key & ümlaut?” is");
  assert.equal(await valueOf(person).innerText(), "shared value");
  assert.deepEqual([...page.complaints, ...complaints, ...person.complaints], []);
  await each([page, person], 2, (p) => p.context().close());
});

test("all of it works from the keyboard", async () => {
  const page = await open();
  const tabTo = async (what, is, key = "Tab") => {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press(key);
      if (await page.evaluate(is)) {
        const outlined = await page.evaluate(() => document.activeElement.matches(":focus-visible"));
        assert.ok(outlined, `${what}: the focus can be seen`);
        return;
      }
    }
    throw new Error(`${what} is not reached by ${key}`);
  };
  await tabTo("Join", () => /^Join/.test(document.activeElement.innerText));
  await page.keyboard.press("Enter");
  await leaveButton(page).waitFor();
  await tabTo("Key", () => document.activeElement.labels?.[0]?.innerText === "Key");
  await page.keyboard.type("typed key");
  await tabTo("Value", () => document.activeElement.labels?.[0]?.innerText === "Value");
  await page.keyboard.type("typed value");
  await tabTo("Set", () => document.activeElement.innerText === "Set");
  await page.keyboard.press("Space");
  await shows(page, "“typed key” is stored on");
  await tabTo("Key", () => document.activeElement.labels?.[0]?.innerText === "Key", "Shift+Tab");
  await page.keyboard.press("Enter");
  await shows(page, "“typed key” is");
  await until(async () => (await valueOf(page).innerText()) === "typed value", "the value");
  await tabTo("Leave", () => document.activeElement.innerText === "Leave", "Shift+Tab");
  await page.keyboard.press("Enter");
  await button(page, "Join the network").waitFor();
  assert.match(
    await page.evaluate(() => document.activeElement.innerText),
    /^Join/,
    "the focus goes where one goes on",
  );
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test("the mode of direct paths is chosen before and while there is a node, which stays who it is", async () => {
  const page = await open();
  const region = (name) => page.getByRole("region", { name, exact: true });
  const says = (words) =>
    until(async () => (await region("Paths").innerText()).includes(words), JSON.stringify(words));
  await joinNetwork(page);
  await says("All peers are reached by the relay.");
  const id = await page.locator(".full-id").innerText();
  const mode = (name) => page.getByRole("radio", { name });
  const again = button(page, "Start again this way");
  // To go through the choices reveals nothing.
  await mode("By the relay only").focus();
  await page.keyboard.press("ArrowDown");
  assert.ok(await mode("Directly where possible").isChecked());
  await page.keyboard.press("ArrowUp");
  assert.ok(await again.isHidden());
  await mode("Directly where possible").check();
  await says("All peers are reached by the relay.");
  await again.click();
  await says("3 of");
  assert.ok(await again.isHidden());
  assert.equal(await page.locator(".full-id").innerText(), id);
  assert.ok(await mode("Directly where possible").isChecked());
  await until(async () => /3 times/.test(await region("Paths").innerText()), "a count");

  // It is remembered, and said before one joins.
  await leaveButton(page).click();
  await page.reload();
  assert.match(
    await region("Make this tab a node of a network").innerText(),
    /Others see .*speak with this tab directly see your own as well/,
  );
  await page.getByText("How others are reached").click();
  await mode("By the relay only").check();
  assert.match(await region("Make this tab a node of a network").innerText(), /Others see .*not your own/);
  await joinNetwork(page);
  await says("All peers are reached by the relay.");
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

for (const colorScheme of ["light", "dark"]) {
  for (const [width, height] of [
    [390, 844],
    [1440, 900],
  ]) {
    test(`nothing hinders anybody, ${width} px, ${colorScheme}`, async () => {
      const page = await open({ colorScheme, viewport: { width, height }, hasTouch: width < 500 });
      const look = async (state) => {
        await page.screenshot({ path: join(screenshots, `${state}-${width}-${colorScheme}.png`), fullPage: true });
        assert.deepEqual(await findings(page), [], state);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${state}: the page is ${wide} px too wide`);
      };
      await look("not-joined");
      await joinNetwork(page);
      await until(
        async () => /\d/.test(await page.getByRole("region", { name: "This node", exact: true }).innerText()),
        "figures",
      );
      await set(page, "seen", "a value to look at", "str");
      await nativeSet(natives[0], `for ${width} ${colorScheme}`, { t: "int", v: "7" });
      await get(page, "seen");
      await shows(page, "“seen” is");
      await look("joined");
      await page.getByRole("radio", { name: "Directly where possible" }).check();
      await look("mode");
      await button(page, "Start again this way").click();
      await until(
        async () =>
          /3 of \d+ contacts are reached directly/.test(
            await page.getByRole("region", { name: "Paths", exact: true }).innerText(),
          ),
        "direct paths",
      );
      await get(page, "seen");
      await shows(page, "“seen” is");
      await look("direct");
      await leaveButton(page).click();
      await button(page, "Join the network").waitFor();
      await look("left");
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    });
  }
}

/** What axe finds that is serious. */
async function findings(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, help, nodes }) =>
        `${id}: ${help}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 150)} (${failureSummary?.slice(0, 200)})`).join("; ")}`,
    );
}
