// The symbols of contacts, the same in all pictures. Shape and colour both tell the
// path by which a node is reached.

/** The paths in words. */
export const paths = {
  relay: "by the relay",
  direct: "directly",
};

/**
 * The path of a contact; "relay" where the contact does not say.
 *
 * @param {{ path?: string }} contact
 * @returns {"relay" | "direct"}
 */
export function pathOf(contact) {
  return contact.path === "direct" ? "direct" : "relay";
}

/**
 * The outline of a path's symbol around the origin: circle or triangle.
 *
 * @param {string} path
 * @param {number} r
 */
export function symbolShape(path, r) {
  if (path === "direct") {
    const a = r * 1.2;
    return `M0 ${-a}L${a} ${a * 0.85}H${-a}Z`;
  }
  return `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
}
