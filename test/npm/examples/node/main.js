import { Kadmesh, NotFoundError } from "kadmesh";

const node = await Kadmesh.start({ relay: "wss://relay.example.org" });
try {
  await node.set("greeting", "hello");
  console.log(await node.get("greeting"));
  await node.get("no such key");
} catch (error) {
  if (!(error instanceof NotFoundError)) {
    throw error;
  }
  console.log("nobody has it");
} finally {
  await node.stop();
}
