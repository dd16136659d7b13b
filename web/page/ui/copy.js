// Copying to the clipboard, also where there is no clipboard object: on pages
// that did not come by https.

import { el, setText } from "./dom.js";

/** How long a button says that it has copied, in milliseconds. */
const thanksFor = 1600;

/** Copies a text; resolves to whether it worked. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text) {
  const focused = document.activeElement;
  const area = el("textarea", { class: "offscreen", "aria-hidden": "true", readonly: true });
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus?.();
  return done;
}

/** A button that copies what text() gives, and says so. */
export function copyButton(text, words = "Copy", label = undefined) {
  const button = el("button", { type: "button", class: "quiet copy", "aria-label": label }, el("span", {}, words));
  const spoken = el("span", { class: "spoken", role: "status" });
  let timer = 0;
  button.addEventListener("click", async () => {
    const done = await copy(text());
    setText(button.firstChild, done ? "Copied" : "Not copied");
    setText(spoken, done ? "Copied" : "The browser does not let this page copy. Select the text instead.");
    clearTimeout(timer);
    timer = setTimeout(() => {
      setText(button.firstChild, words);
      setText(spoken, "");
    }, thanksFor);
  });
  return el("span", { class: "copy-box" }, button, spoken);
}
