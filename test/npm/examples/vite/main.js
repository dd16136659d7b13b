import { Kadmesh } from "kadmesh";

const node = await Kadmesh.start({ relay: "wss://relay.example.org" });
await node.set("greeting", "hello");
document.body.append(await node.get("greeting"));
await node.stop();
document.body.append(" and goodbye");
