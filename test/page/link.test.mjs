import assert from "node:assert/strict";
import test from "node:test";
import { keyOfLink, shareLink, tokenOfLink } from "../../web/page/model/link.js";

test("a key survives its link", () => {
  for (const key of ["greeting", "a b&c=d#e?f", "ключ 🔑", "<b>", "%41", "\n"]) {
    const link = shareLink("https://relay.example/?x=y#key=old", key);
    assert.equal(keyOfLink(new URL(link).hash), key);
    assert.equal(new URL(link).search, "");
  }
});

test("a link can have the relay's token, in front of a key", () => {
  assert.equal(tokenOfLink("#token=open%20sesame"), "open sesame");
  assert.deepEqual([tokenOfLink("#token=a%26b&key=x&y"), keyOfLink("#token=a%26b&key=x&y")], ["a&b", "x&y"]);
  for (const hash of ["", "#", "#token=", "#token=%ff", "#key=token=x", "#key=x&token=y"]) {
    assert.equal(tokenOfLink(hash), "", hash);
  }
  assert.ok(!shareLink("https://relay.example/#token=secret", "key").includes("secret"));
});

test("what is no key gives none", () => {
  for (const hash of ["", "#", "#key", "#key=", "#other=x", "#key=%", "#key=%ff", `#key=${"x".repeat(1001)}`]) {
    assert.equal(keyOfLink(hash), null, hash.slice(0, 20));
  }
});
