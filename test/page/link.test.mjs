import assert from "node:assert/strict";
import test from "node:test";
import { keyOfLink, shareLink } from "../../web/page/link.js";

test("a key survives its link", () => {
  for (const key of ["greeting", "a b&c=d#e?f", "ключ 🔑", "<b>", "%41", "\n"]) {
    const link = shareLink("https://relay.example/?autojoin#key=old", key);
    assert.equal(keyOfLink(new URL(link).hash), key);
    assert.equal(new URL(link).search, "");
  }
});

test("what is no key gives none", () => {
  for (const hash of ["", "#", "#key", "#key=", "#other=x", "#key=%", "#key=%ff", `#key=${"x".repeat(1001)}`]) {
    assert.equal(keyOfLink(hash), null, hash.slice(0, 20));
  }
});
