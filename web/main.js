// Plays one broadcast with @moq/watch and says how it goes. `?url=` is the relay, `&name=` the broadcast.
import "@moq/watch/element";

const LOG_LINES = 50;
const NUMBERS_EVERY_MS = 1000;
// Retries for ever: a page that is left open is to go on when its relay comes back.
const RETRY = { initial: 250, multiplier: 2, max: 1000, timeout: 0 };
// A relay that died says nothing, and a browser that only listens notices at the idle timeout, after ten seconds. So
// one that misses pictures asks for something now and then: at the first packet it learns that its session is no more.
const ASK_EVERY_MS = 500;

const at = (id) => document.getElementById(id);
const watch = document.querySelector("moq-watch");
const { connection, broadcast } = watch;
connection.delay = RETRY;

function log(text) {
  const line = document.createElement("li");
  const time = document.createElement("time");
  time.textContent = new Date().toLocaleTimeString();
  line.append(time, text);
  at("log").prepend(line);
  while (at("log").children.length > LOG_LINES) at("log").lastElementChild.remove();
}

function show(state, text) {
  if (at("status").textContent === text) return;
  at("status").dataset.state = state;
  at("status").textContent = text;
}

// Where from
const query = new URLSearchParams(location.search);
at("url").value = query.get("url") ?? `http://${location.hostname || "localhost"}:4443/`;
at("name").value = query.get("name") ?? "demo.hang";

function begin() {
  watch.url = at("url").value;
  watch.name = at("name").value;
}

at("source").addEventListener("submit", (event) => {
  event.preventDefault();
  history.replaceState(null, "", `?${new URLSearchParams(new FormData(at("source")))}`);
  log(`Watches ${at("name").value} at ${at("url").value}`);
  begin();
});

// How it goes
let outageSince;
let sessions = 0;

watch.signals.run((effect) => {
  const session = effect.get(connection.established);
  if (session) {
    sessions += 1;
    at("carrier").textContent = `${session.transport === "websocket" ? "WebSocket" : "WebTransport"}, ${session.version}`;
    const away = outageSince === undefined ? "" : ` after ${((performance.now() - outageSince) / 1000).toFixed(1)} s`;
    log(`Connected${away}: session ${sessions}, ${at("carrier").textContent}`);
    outageSince = undefined;
  } else if (sessions > 0) {
    at("carrier").textContent = "-";
    outageSince ??= performance.now();
    log("The relay is gone");
  }
});

watch.signals.run((effect) => {
  const session = effect.get(connection.established);
  const state = effect.get(broadcast.out.status);
  const stalled = effect.get(watch.video.out.stalled);
  const name = effect.get(broadcast.in.name);
  if (!session && sessions > 0) show("lost", "The relay is gone, dialing again");
  else if (!session) show("waiting", "Dialing the relay");
  else if (state !== "live") show("waiting", `Waiting for ${name}`);
  else if (effect.get(watch.controls.paused)) show("waiting", "Paused");
  else if (stalled) show("waiting", "Waiting for pictures");
  else show("live", "Live");
});

watch.signals.run((effect) => {
  const picture = effect.get(watch.renderer.out.frame);
  at("veil").hidden = picture !== undefined;
});

watch.signals.run((effect) => {
  const state = effect.get(broadcast.out.status);
  if (state === "live") log(`${broadcast.in.name.peek()} is live`);
});

setInterval(() => {
  const missing = broadcast.out.status.peek() === "live" && watch.video.out.stalled.peek() && !watch.controls.paused.peek();
  if (missing) connection.established.peek()?.announced(broadcast.in.name.peek()).close();
}, ASK_EVERY_MS);

// What comes
watch.signals.run((effect) => {
  const config = effect.get(watch.video.source.out.config);
  const display = effect.get(watch.video.out.display);
  at("picture").textContent = config ? [display && `${display.width}×${display.height}`, config.codec].filter(Boolean).join(", ") : "-";
});

watch.signals.run((effect) => {
  const config = effect.get(watch.audio.source.out.config);
  const channels = config && (["", "mono", "stereo"][config.numberOfChannels] ?? `${config.numberOfChannels} channels`);
  at("audio").textContent = config ? `${config.codec}, ${config.sampleRate} Hz, ${channels}` : "-";
});

let before = { at: performance.now(), bytes: 0, frames: 0 };
setInterval(() => {
  const video = watch.video.out.stats.peek();
  const audio = watch.audio.out.stats.peek();
  const now = {
    at: performance.now(),
    bytes: (video?.bytesReceived ?? 0) + (audio?.bytesReceived ?? 0),
    frames: video?.frameCount ?? 0,
  };
  const seconds = (now.at - before.at) / 1000;
  const rate = Math.max(0, now.bytes - before.bytes) / seconds;
  at("rate").textContent = `${((rate * 8) / 1e6).toFixed(2)} Mbit/s, ${Math.round(Math.max(0, now.frames - before.frames) / seconds)} frames/s`;
  before = now;
  const timestamp = watch.renderer.out.timestamp.peek();
  at("shown").textContent = timestamp === undefined ? "-" : `${(timestamp / 1000).toFixed(1)} s of the broadcast`;
  at("buffer").textContent = `${Math.round(watch.sync.out.buffer.peek())} ms`;
}, NUMBERS_EVERY_MS);

// Buttons
at("play").addEventListener("click", () => {
  watch.paused = !watch.paused;
});
at("sound").addEventListener("click", () => {
  watch.muted = !watch.muted;
});
at("volume").addEventListener("input", () => {
  watch.volume = at("volume").value / 100;
});
at("full").addEventListener("click", () => {
  if (document.fullscreenElement) void document.exitFullscreen();
  else void document.querySelector(".player").requestFullscreen();
});
watch.signals.run((effect) => {
  at("play").textContent = effect.get(watch.controls.paused) ? "Play" : "Pause";
});
watch.signals.run((effect) => {
  const muted = effect.get(watch.controls.muted);
  at("sound").textContent = muted ? "Sound on" : "Sound off";
  at("volume").value = Math.round(effect.get(watch.controls.volume) * 100);
});

begin();
