// npm @moq/net as a peer of the matrix: `PACKAGES publish|subscribe URL BROADCAST`; see interop/lab/wire.py for stdin and stdout.
import * as readline from "node:readline";
import { pathToFileURL } from "node:url";

// Node 20 lacks it.
Promise.withResolvers ??= () => {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};
Set.prototype.difference ??= function (other) {
  return new Set([...this].filter((item) => !other.has(item)));
};
// stdout is the lab's.
console.log = console.debug = console.info = console.warn = console.error;

const [packages, role, url, path] = process.argv.slice(2);
const Moq = await import(pathToFileURL(`${packages}/@moq/net/index.js`));
// Only where they are read: what an interface reads before its loop is lost.
const lines = () => readline.createInterface({ input: process.stdin });

async function publish(connection) {
  process.stdout.write("{}\n");
  const broadcast = new Moq.Broadcast.Producer();
  const tracks = new Map(), groups = new Map();
  let announced = false;
  for await (const line of lines()) {
    const frame = JSON.parse(line);
    if (frame.data === undefined) {
      tracks.set(frame.track, broadcast.createTrack(frame.track, { timescale: Moq.Time.Timescale.MICRO }));
      continue;
    }
    if (!announced) {
      connection.publish(Moq.Path.from(path), broadcast);
      announced = true;
    }
    let group = groups.get(frame.track);
    if (group?.sequence !== frame.group) {
      group?.close();
      group = tracks.get(frame.track).appendGroup();
      groups.set(frame.track, group);
    }
    group.writeFrame({ payload: Buffer.from(frame.data, "base64"), timestamp: new Moq.Time.Timestamp(frame.us, Moq.Time.Timescale.MICRO) });
  }
}

async function read(broadcast, name) {
  const track = broadcast.subscribe(name, { latencyMax: 20000, ordered: true });
  for (let group; (group = await track.nextGroup()); ) {
    for (let frame; (frame = await group.readFrameSequence()); ) {
      const data = Buffer.from(frame.payload).toString("base64");
      process.stdout.write(`${JSON.stringify({ track: name, group: group.sequence, index: frame.sequence, data })}\n`);
    }
  }
}

async function subscribe(connection) {
  const announced = connection.announced();
  for (let entry; (entry = await announced.next()); ) if (entry.active && entry.path === path) break;
  const broadcast = connection.consume(Moq.Path.from(path));
  for await (const line of lines()) void read(broadcast, JSON.parse(line).track);
}

const connection = await Moq.Connection.connect(new URL(url), { websocket: { delay: 0 } });
console.error(`connected version=${connection.version}`);
await { publish, subscribe }[role](connection);
process.exit(0);
