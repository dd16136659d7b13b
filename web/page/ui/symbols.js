// The marks for contacts, the same in all pictures: the shape says by which path
// a node is reached, as its colour does.

/** The paths, with their names in words. */
export const paths = {
  relay: "by the relay",
  direct: "directly",
};

/** The path of a contact, if the one who knows it said it; else that of all. */
export function pathOf(contact) {
  return Object.hasOwn(paths, contact.path ?? "") ? contact.path : "relay";
}

/** The outline of a path's mark around the origin: circle or triangle. */
export function markShape(path, r) {
  if (path === "direct") {
    const a = r * 1.2;
    return `M0 ${-a}L${a} ${a * 0.85}H${-a}Z`;
  }
  return `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
}
