// Where the panels stand: one below the other, in the order of the story; or, with
// room for it, in three columns. They are moved rather than shifted by style, so
// that the order of reading and of the keyboard is the one that is seen.

/** How wide the window must be for columns, in CSS pixels; page.css has the same. */
const wide = "(min-width: 760px)";

const names = ["node", "space", "happens"];

/** Puts the panels of host, which say by data-column where they belong, in their places. */
export function columns(host, query = matchMedia(wide)) {
  const story = [...host.children];
  const boxes = new Map(names.map((name) => [name, document.createElement("div")]));
  boxes.forEach((box, name) => (box.className = `column ${name}`));
  const arrange = () => {
    if (!query.matches) {
      host.replaceChildren(...story);
      return;
    }
    for (const [name, box] of boxes) {
      box.replaceChildren(...story.filter((panel) => panel.dataset.column === name));
    }
    host.replaceChildren(...boxes.values());
  };
  query.addEventListener("change", arrange);
  arrange();
}
