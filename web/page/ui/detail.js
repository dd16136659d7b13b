// The line below a picture that says what is chosen in it. It has its room
// always, so that nothing moves.

import { disc } from "./identicon.js";
import { el, setText, show } from "./dom.js";
import { shortID } from "../model/ids.js";

/** The line below a picture that says what is chosen in it. */
export function detailLine(invitation) {
  const picture = disc("");
  const id = el("span", { class: "id" });
  const where = el("span", { class: "address" });
  const words = el("span", { class: "words" });
  const chosen = el(
    "div",
    { class: "chosen", hidden: true },
    picture.picture,
    el("div", {}, el("div", { class: "who" }, id, where), words),
  );
  const idle = el("p", {}, invitation);
  return {
    element: el("div", { class: "detail" }, idle, chosen),
    update(newID, shared, address, sentence) {
      picture.update(newID, shared);
      setText(id, shortID(newID));
      setText(where, address);
      setText(words, sentence);
      show(chosen, true);
      show(idle, false);
    },
    clear() {
      show(chosen, false);
      show(idle, true);
    },
  };
}
