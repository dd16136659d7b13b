// Where the panels stand: one below the other, or in three columns if there is room.
// Panels are moved in the document and not by style, so that reading and the keyboard
// follow the order on the screen.

/** How wide the window must be for columns, in CSS pixels; page.css has the same. */
const wide = "(min-width: 760px)";

const names = ["node", "table", "happens"];

/**
 * Puts the panels of host in their columns. The data-column of a panel names its column.
 *
 * @param {HTMLElement} host
 * @param {MediaQueryList} query
 */
export function arrangeInColumns(host, query = matchMedia(wide)) {
  const story = /** @type {HTMLElement[]} */ ([...host.children]);
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
