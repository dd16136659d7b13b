// Choosing one of the marks in a picture: by pointing near it, which need not be
// exact, or with the arrow keys. For a screen reader the picture is a list.

/** How near one has to point, in pixels: half of a comfortable target. */
const reach = 22;

/**
 * Makes an SVG element with role listbox choosable.
 *
 *   marks()        the marks: { key, x, y, element }, in the order of the keys
 *   onpick(key)    told what is chosen; null for nothing
 *
 * Returns { refresh, picked }: refresh is to be called when marks have moved.
 */
export function picker(picture, { marks, onpick }) {
  let key = null;
  let held = false; // chosen by key or tap: pointing elsewhere does not end it

  const choose = (newKey, hold) => {
    held = hold && newKey !== null;
    if (newKey !== key) {
      key = newKey;
      refresh();
      onpick(key);
    }
  };

  function refresh() {
    let active = null;
    for (const mark of marks()) {
      const selected = mark.key === key;
      if ((mark.element.getAttribute("aria-selected") === "true") !== selected) {
        mark.element.setAttribute("aria-selected", String(selected));
      }
      if (selected) {
        active = mark.element.id;
      }
    }
    if (active) {
      picture.setAttribute("aria-activedescendant", active);
    } else {
      picture.removeAttribute("aria-activedescendant");
    }
  }

  const nearest = (event) => {
    const box = picture.getBoundingClientRect();
    const x = event.clientX - box.left;
    const y = event.clientY - box.top;
    let best = null;
    let bestSquare = reach * reach;
    for (const mark of marks()) {
      const square = (mark.x - x) ** 2 + (mark.y - y) ** 2;
      if (square < bestSquare) {
        best = mark;
        bestSquare = square;
      }
    }
    return best?.key ?? null;
  };

  picture.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse" && !held) {
      choose(nearest(event), false);
    }
  });
  picture.addEventListener("pointerleave", () => {
    if (!held) {
      choose(null, false);
    }
  });
  picture.addEventListener("click", (event) => choose(nearest(event), true));
  picture.addEventListener("focus", () => {
    if (key === null && picture.matches(":focus-visible")) {
      choose(marks()[0]?.key ?? null, true);
    }
  });
  picture.addEventListener("blur", () => choose(null, false));
  picture.addEventListener("keydown", (event) => {
    const list = marks();
    const next = step(
      list,
      list.findIndex((m) => m.key === key),
      event.key,
    );
    if (next !== undefined) {
      event.preventDefault();
      choose(next, true);
    }
  });
  return { refresh, picked: () => key };
}

/** The key of the mark that an arrow key leads to; undefined if it leads nowhere. */
export function step(list, at, key) {
  switch (key) {
    case "ArrowRight":
      return list[Math.min(at + 1, list.length - 1)]?.key;
    case "ArrowLeft":
      return list[Math.max(at - 1, 0)]?.key;
    case "Home":
      return list[0]?.key;
    case "End":
      return list.at(-1)?.key;
    case "Escape":
      return null;
    case "ArrowDown":
      return across(list, at, 1);
    case "ArrowUp":
      return across(list, at, -1);
  }
  return undefined;
}

/** The mark above or below that is nearest sideways, of the nearest line there. */
function across(list, at, sign) {
  const from = list[at] ?? list[0];
  if (!from) {
    return undefined;
  }
  const there = list.filter((m) => (m.y - from.y) * sign > 2);
  if (!there.length) {
    return from.key;
  }
  const line = Math.min(...there.map((m) => (m.y - from.y) * sign));
  const onLine = there.filter((m) => (m.y - from.y) * sign < line + 2);
  return onLine.reduce((a, b) => (Math.abs(b.x - from.x) < Math.abs(a.x - from.x) ? b : a)).key;
}
