import { ConflictError, Kadmesh } from "kadmesh";

const node = await Kadmesh.start({ relay: "wss://relay.example.org" });
await node.set("leader", "a", { ifVersion: "none", ttl: 60_000 }); // for a minute, if there is none
const { value, version } = await node.find("leader");
console.log(value);
await node.set("leader", "b", { ifVersion: version }); // if it is still the same
await node.set("leader", "c", { ifVersion: version }).catch((error) => {
  console.log(error instanceof ConflictError);
});
console.log(await node.get("leader", { maxAge: 60_000 })); // a copy of the last minute will do
await node.delete("leader");
await node.stop();
