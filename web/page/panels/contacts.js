// The contacts as a table, for those who rather read than look.

import { el, setText } from "../ui/dom.js";
import { shortID } from "../model/ids.js";
import { atMostEvery } from "../ui/frame.js";
import { millis, plural } from "../text/format.js";
import { pathOf, paths } from "../ui/symbols.js";

/** How many are listed, nearest first. */
const maxListed = 200;

/** A table that is only filled while it is open. */
export function contactList() {
  const body = el("tbody");
  const note = el("p", { class: "note" });
  const scroll = el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Contacts" },
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ...["shared", "id", "address", "path", "round trip", "state"].map((h) => el("th", { scope: "col" }, h)),
        ),
      ),
      body,
    ),
  );
  const element = el("details", { class: "as-table" }, el("summary", {}, "Contacts as a table"), scroll, note);
  let entries = [];
  let heard = new Map();
  const draw = atMostEvery(1000, () => {
    if (element.open) {
      fill(body, note, entries, heard);
    }
  });
  element.addEventListener("toggle", draw);
  return {
    element,
    update(newEntries, newHeard) {
      entries = newEntries;
      heard = newHeard;
      draw();
    },
  };
}

function fill(body, note, entries, heard) {
  const nearest = [...entries].sort((a, b) => b.prefix - a.prefix || (a.id < b.id ? -1 : 1)).slice(0, maxListed);
  while (body.rows.length > nearest.length) {
    body.deleteRow(-1);
  }
  nearest.forEach((entry, i) => {
    const row = body.rows[i] ?? body.appendChild(el("tr", {}, ...Array.from({ length: 6 }, () => el("td"))));
    const rtt = heard.get(entry.id)?.rtt;
    const state = entry.fails
      ? `${plural(entry.fails, "failure")} in a row`
      : entry.place === "bucket"
        ? "in its bucket"
        : "waiting";
    [
      String(entry.prefix),
      shortID(entry.id),
      entry.address,
      paths[pathOf(entry)],
      rtt === undefined ? "–" : millis(rtt),
      state,
    ].forEach((text, column) => setText(row.cells[column], text));
  });
  const more = entries.length - nearest.length;
  setText(
    note,
    more > 0 ? `The nearest ${maxListed}; ${plural(more, "more is", "more are")} in the picture only.` : "",
  );
}
