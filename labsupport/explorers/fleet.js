// The animated fleet: plays the log of a real replay, request for request. Whether a request hits is never
// decided here; the log says so. One module, nothing imported, no state outside of a view.

// ---- What the log says (pure: the same log and place give the same answer, forwards and backwards)

/** One of the two replays as a log of its own; `room`: how many chips each of its caches can show. */
export function logOf(sent, mode, room) {
  const shared = mode === "shared";
  return { ...sent, ...sent[mode], shared, caches: shared ? 1 : sent.names.length, room };
}

/** All that is to be seen after the first `count` requests, at lab time `now` (their last tick). */
export function stateAt(log, count, now = tickAt(log, count - 1)) {
  const { hits, reads, entries } = replayed(log, count);
  for (const cache of entries) {
    for (const [key, entry] of cache) if (entry.ends <= now) cache.delete(key);
  }
  return { now, hits, reads, entries };
}

function tickAt(log, event) {
  return event < 0 ? 0 : Math.floor(log.at[event]);
}

/** Counters and entries after `count` requests, expired entries included, the oldest first. */
function replayed(log, count) {
  const hits = log.names.map(() => 0), reads = log.names.map(() => 0);
  const entries = Array.from({ length: log.caches }, () => new Map());
  for (let event = 0; event < count; event++) {
    const who = log.instance[event];
    if (log.hit[event]) {
      hits[who]++;
    } else {
      reads[who]++;
      fill(entries[log.shared ? 0 : who], log, event);
    }
  }
  return { hits, reads, entries };
}

/** A new entry in the first free place; if there is none, in that of the oldest entry with a place. */
function fill(cache, log, event) {
  const now = tickAt(log, event), taken = new Set();
  cache.delete(log.key[event]); // a refill is the newest again
  let oldest = null;
  for (const entry of cache.values()) {
    if (entry.ends <= now || entry.place < 0) continue;
    oldest ??= entry;
    taken.add(entry.place);
  }
  let place = 0;
  while (taken.has(place)) place++;
  if (place >= log.room) {
    place = oldest.place;
    oldest.place = -1; // it is still in the cache, only out of sight
  }
  cache.set(log.key[event], { ends: now + log.ttl, by: log.instance[event], place });
}

/** Request number `event` (from 0) in words: the question, and the answer that it got. */
export function describe(log, event) {
  const who = log.instance[event], key = log.key[event], now = tickAt(log, event), name = log.names[who];
  const { entries } = replayed(log, event);
  const entry = entries[log.shared ? 0 : who].get(key);
  const question =
    `${log.at[event].toFixed(1)} s: instance ${name} asks ${log.shared ? "Redis" : "its cache"} for ${log.keys[key]}`;
  if (log.hit[event]) {
    const by = log.shared && entry.by !== who ? `, filled by ${log.names[entry.by]}` : "";
    return { question, answer: `hit${by}, ${entry.ends - now} s of its TTL left.` };
  }
  const expired = entry ? `, expired at ${entry.ends} s` : "";
  const others = log.names.filter((_, other) => (entries[other]?.get(key)?.ends ?? 0) > now && !log.shared);
  const unseen = others.length ? ` ${listed(others)} had it, but ${name} cannot see that.` : "";
  return { question, answer: `miss${expired}, read from the origin, filled.${unseen}` };
}

function listed(names) {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** How long each part of a request is shown, in ms at speed 1; the parts of a hit, of a miss. */
const PARTS = { arrive: 300, ask: 300, verdict: 350, read: 330, origin: 200, bring: 330, filled: 150, answer: 250 };
const ON_MISS = ["read", "origin", "bring", "filled"];

function lasts(part, hit) {
  return hit && ON_MISS.includes(part) ? 0 : PARTS[part];
}

/** Which part of a request is on after `ms`, and how far it has got (0 to 1); null if it is over. */
export function partAt(hit, ms) {
  for (const part of Object.keys(PARTS)) {
    const length = lasts(part, hit);
    if (ms < length) return { part, done: ms / length };
    ms -= length;
  }
  return null;
}

/** How long a request is shown, in ms at speed 1. */
function duration(hit) {
  return Object.keys(PARTS).reduce((total, part) => total + lasts(part, hit), 0);
}

function isFrom(part, from) {
  const order = Object.keys(PARTS);
  return order.indexOf(part) >= order.indexOf(from);
}

// ---- The picture

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; `svg` picks the namespace. */
function element(space, tag, attributes = {}, ...children) {
  const made = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}
const html = (tag, attributes, ...children) => element(null, tag, attributes, ...children);
const svg = (tag, attributes, ...children) => element(SVG, tag, attributes, ...children);

/** Write only what changes, so that a frame costs what it shows. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

const WIDTH = 900, HEIGHT = 444, TOP = 32, BODY = 400, MIDDLE = TOP + BODY / 2;
const BALANCER = [10, 98], INSTANCE = [144, 322], CACHE = [400, 726], ORIGIN = [788, 892]; // from x to x
const CHIP = 40, ACROSS = 8, REDIS_ROWS = 5, RING = 2 * Math.PI * 15.5;

/** Where everything stands for so many instances. */
function layout(instances) {
  const pitch = Math.min(100, BODY / instances);
  const lanes = Array.from({ length: instances }, (_, lane) => MIDDLE + (lane - (instances - 1) / 2) * pitch);
  const rows = Math.max(1, Math.floor((pitch - 18) / CHIP));
  const own = lanes.map((y) => ({ y, height: pitch - 12, rows }));
  const redis = [{ y: MIDDLE, height: REDIS_ROWS * CHIP + 14, rows: REDIS_ROWS }];
  return { lanes, height: pitch - 12, private: own, shared: redis };
}

const roomIn = (box) => box.rows * ACROSS - 1; // the last place says how many more there are

/** A link from one box to the next, leaving and arriving level. */
function link(x0, y0, x1, y1) {
  const bend = (x0 + x1) / 2;
  return { path: `M${x0} ${y0}C${bend} ${y0} ${bend} ${y1} ${x1} ${y1}`, ends: [x0, y0, x1, y1] };
}

/** The point at `t` (0 to 1) of a link, a little beyond its ends so that a token comes out of a box. */
function pointOn({ ends: [x0, y0, x1, y1] }, t) {
  const bend = 3 * t * (1 - t) / 2, far = t * t * t, near = (1 - t) ** 3;
  const x = near * x0 + bend * (x0 + x1) + far * x1;
  return [x + 56 * (t - 0.5), y0 + (y1 - y0) * (far + 3 * t * t * (1 - t))];
}

function links(place, mode) {
  const spread = (y, part) => MIDDLE + (y - MIDDLE) * part;
  return place.lanes.map((y) => {
    const cache = mode === "shared" ? spread(y, 0.5) : y;
    const out = mode === "shared" ? MIDDLE : y;
    return [
      link(BALANCER[1], spread(y, 0.16), INSTANCE[0], y),
      link(INSTANCE[1], y, CACHE[0], cache),
      link(CACHE[1], out, ORIGIN[0], mode === "shared" ? MIDDLE : spread(y, 0.16)),
    ];
  });
}

function words(x, y, text, name = "", anchor = "middle") {
  return svg("text", { x, y, class: name, "text-anchor": anchor }, text);
}

function box([left, right], y, height, name) {
  return svg("rect", { x: left, y: y - height / 2, width: right - left, height, rx: 10, class: `box ${name}` });
}

const centre = ([left, right]) => (left + right) / 2;
const HIT = "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0Z", MISS = "M0 -7.5L7.5 0L0 7.5L-7.5 0Z";
// The token in its three shapes, each large enough for a key.
const TOKEN = {
  asking: "M-17 -12h34a3 3 0 0 1 3 3v18a3 3 0 0 1 -3 3h-34a3 3 0 0 1 -3 -3v-18a3 3 0 0 1 3 -3Z",
  hit: "M-17 0a17 17 0 1 0 34 0a17 17 0 1 0 -34 0Z",
  miss: "M0 -22L26 0L0 22L-26 0Z",
};

/** A shape that means hit (a circle) or miss (a diamond). */
function shape(verdict, x, y) {
  return svg("path", { d: verdict === "hit" ? HIT : MISS, class: `shape ${verdict}`, transform: `translate(${x} ${y})` });
}

/** The picture of one mode: its parts, made once; `show` then only changes them. */
function makePicture(log, place, mode) {
  const routes = links(place, mode);
  const edges = routes.map((route) => route.map(({ path }) => svg("path", { d: path, class: "edge" })));
  const caches = place[mode].map((cache) => makeCache(cache, log.names.length));
  const instances = log.names.map((name, lane) => makeInstance(name, lane, place));
  const token = svg("g", { class: "token" }, svg("path", { d: TOKEN.asking }), words(0, 4.5, ""));
  const verdict = svg("g", { class: "verdict" }, shape("hit", 0, 0), shape("miss", 0, 0), words(13, 5, "", "", "start"));
  const heading = mode === "shared" ? "one shared Redis" : "private caches";
  const top = place[mode][0].y - place[mode][0].height / 2 - 12;
  const group = svg(
    "g", { class: `mode ${mode}` },
    ...edges.flat(), token,
    ...caches.map((cache) => cache.group), ...instances.map((instance) => instance.group),
    words(centre(CACHE), top, heading, "heading"), verdict,
  );
  return { group, routes, edges, caches, instances, token, verdict };
}

function makeInstance(name, lane, place) {
  const y = place.lanes[lane], left = INSTANCE[0], apart = Math.min(12, place.height / 4);
  const hits = words(left + 66, y - apart + 5, "", "", "start"), reads = words(left + 66, y + apart + 5, "", "", "start");
  hits.dataset.hits = reads.dataset.reads = lane;
  const group = svg(
    "g", {}, box(INSTANCE, y, place.height, "instance"), words(left + 26, y + 9, name, "name"),
    shape("hit", left + 52, y - apart), hits, shape("miss", left + 52, y + apart), reads,
  );
  return { group, hits, reads };
}

function makeCache({ y, height, rows }) {
  const chips = [], left = CACHE[0] + (CACHE[1] - CACHE[0] - ACROSS * CHIP) / 2 + CHIP / 2;
  const at = (slot) => [left + (slot % ACROSS) * CHIP, y + (Math.floor(slot / ACROSS) - (rows - 1) / 2) * CHIP];
  for (let slot = 0; slot < rows * ACROSS - 1; slot++) chips.push(makeChip(...at(slot)));
  const [x, middle] = at(rows * ACROSS - 1);
  const more = svg("g", { visibility: "hidden" }, words(x, middle, "", "more"), words(x, middle + 13, "more", "more"));
  const group = svg("g", {}, box(CACHE, y, height, "cache"), ...chips.map((chip) => chip.group), more);
  return { group, chips, more };
}

function makeChip(x, y) {
  const ring = svg("circle", { r: 15.5, class: "ring", transform: "rotate(-90)", "stroke-dasharray": RING });
  const label = words(0, 4.5, "");
  const group = svg(
    "g", { class: "chip", transform: `translate(${x} ${y})`, visibility: "hidden" },
    svg("circle", { r: 15.5, class: "whole" }), ring, label,
  );
  return { group, ring, label };
}

/** What of a key fits into a chip: 204 of course:204. */
function short(key) {
  const name = key.slice(key.lastIndexOf(":") + 1);
  return name.length <= 4 ? name : `${name.slice(0, 3)}…`;
}

/** The chips of all caches; those of the key that is asked for stand out. */
function showCaches(picture, log, state, asked) {
  state.entries.forEach((entries, number) => {
    const { chips, more } = picture.caches[number];
    const shown = new Set();
    for (const [key, { ends, place }] of entries) {
      if (place < 0) continue;
      showChip(chips[place], short(log.keys[key]), (ends - state.now) / log.ttl, key === asked);
      shown.add(place);
    }
    chips.forEach((chip, place) => shown.has(place) || setAttribute(chip.group, "visibility", "hidden"));
    setAttribute(more, "visibility", entries.size > shown.size ? "visible" : "hidden");
    setText(more.firstChild, `+${entries.size - shown.size}`);
  });
}

function showChip(chip, label, left, same) {
  setAttribute(chip.group, "visibility", "visible");
  setAttribute(chip.group, "class", same ? "chip same" : "chip");
  setAttribute(chip.ring, "stroke-dashoffset", (RING * (1 - left)).toFixed(2));
  setText(chip.label, label);
}

/** The way of the request, and what came of it once that is known. */
function showRoute(picture, log, event, known) {
  const who = event < 0 ? -1 : log.instance[event], hit = event >= 0 && log.hit[event];
  const verdict = known ? (hit ? "hit" : "miss") : "";
  picture.edges.forEach((route, lane) => route.forEach((edge, leg) => {
    const on = leg < 2 ? lane === who : verdict === "miss" && (log.shared || lane === who); // Redis has one link out
    setAttribute(edge, "class", on ? `edge on ${verdict}` : "edge");
  }));
  setAttribute(picture.verdict, "class", `verdict ${verdict}`);
  setText(picture.verdict.lastChild, verdict);
  if (!verdict) return;
  const [x0, y0, , y1] = picture.routes[who][1].ends;
  setAttribute(picture.verdict, "transform", `translate(${x0 + 16} ${y1 < y0 ? y0 + 31 : y0 - 31})`); // off the link
}

/** Which link a token is on during a part, and whether it goes back; in all other parts it is in a box. */
const LEGS = { arrive: [0], ask: [1], read: [2], bring: [2, true], answer: [1, true] };

function showToken(picture, log, event, at, known) {
  const leg = at && LEGS[at.part];
  setAttribute(picture.token, "visibility", leg ? "visible" : "hidden");
  if (!leg) return;
  const eased = at.done * at.done * (3 - 2 * at.done);
  const [x, y] = pointOn(picture.routes[log.instance[event]][leg[0]], leg[1] ? 1 - eased : eased);
  picture.token.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  const verdict = known ? (log.hit[event] ? "hit" : "miss") : "asking";
  setAttribute(picture.token, "class", `token ${verdict}`);
  setAttribute(picture.token.firstChild, "d", TOKEN[verdict]);
  setText(picture.token.lastChild, short(log.keys[log.key[event]]));
}

// ---- The controls

const ICONS = {
  restart: "M3 2h2v10H3ZM12 2v10L5.5 7Z",
  back: "M10 2v10L3 7Z",
  play: "M3 1.5v11L12 7Z",
  pause: "M3 2h3v10H3ZM8 2h3v10H8Z",
  step: "M4 2v10l7-5Z",
};
const SPEEDS = [0.5, 1, 2, 5, 20, 100];
const STILL_MS = 1000; // how long a request stands where motion is not wanted, at speed 1

function button(name, text) {
  const icon = svg("svg", { viewBox: "0 0 14 14", "aria-hidden": "true" }, svg("path", { d: ICONS[name] }));
  return html("button", { type: "button", class: name }, icon, html("span", {}, text));
}

function modeCard(mode, text) {
  const rate = html("strong", { "data-rate": mode }), reads = html("strong", { "data-total": mode });
  const choice = html("input", { type: "radio", name: "mode", value: mode });
  const card = html(
    "label", { class: `card ${mode}` },
    choice, html("span", { class: "title" }, text),
    html("span", { class: "number" }, rate, " hit rate"), html("span", { class: "number" }, reads, " origin reads"),
  );
  return { card, choice, rate, reads };
}

/** A line for every request above the slider: short where it hits, long where it reads the origin. */
function makeTimeline(log) {
  const draw = (hit) => log.hit.map((h, event) => (h === hit ? `M${event + 0.5} ${hit ? 7 : 0}V12` : "")).join("");
  const count = log.hit.length;
  return svg(
    "svg", { class: "timeline", viewBox: `0 0 ${count} 12`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { d: draw(true), class: "hit" }), svg("path", { d: draw(false), class: "miss" }),
  );
}

function makeControls(total) {
  const speed = html("select", {}, ...SPEEDS.map((x) => html("option", { value: x }, `${x}×`)));
  const scrub = html("input", { type: "range", min: 0, max: total, step: 1, value: 0 });
  const [restart, back, play, step] = [
    button("restart", "Restart"), button("back", "Step back"), button("play", "Play"), button("step", "Step forward"),
  ];
  const timeline = html("span", { class: "times" });
  speed.value = "1";
  const row = html(
    "div", { class: "controls" },
    html("label", { class: "scrub" }, html("span", { class: "unseen" }, "Request"), timeline, scrub),
    restart, back, play, step, html("label", { class: "speed" }, "Speed", speed),
  );
  return { row, restart, back, play, step, scrub, speed, timeline };
}

/** Everything around the two pictures that there is once. */
function makeFrame(sent, place, pictures) {
  const shown = words(centre(BALANCER), MIDDLE + 14, "", "big"), time = words(centre(BALANCER), MIDDLE + 106, "");
  const reads = words(centre(ORIGIN), MIDDLE + 16, "", "big");
  reads.dataset.reads = "all";
  const [left, right] = ORIGIN, y = MIDDLE - 52;
  const side = `M${left} ${y}v104a54 14 0 0 0 ${right - left} 0v-104`;
  const lid = `a54 14 0 0 0 ${left - right} 0a54 14 0 0 0 ${right - left} 0`;
  const picture = svg(
    "svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": PICTURE },
    ...pictures,
    words(centre(BALANCER), MIDDLE - 70, "load balancer", "heading"), box(BALANCER, MIDDLE, 112, "balancer"),
    words(centre(BALANCER), MIDDLE - 20, "request"), shown,
    words(centre(BALANCER), MIDDLE + 38, `of ${sent.at.length}`), words(centre(BALANCER), MIDDLE + 86, "lab time", "heading"), time,
    words(centre(INSTANCE), place.lanes[0] - place.height / 2 - 12, "instances", "heading"),
    words(centre(ORIGIN), MIDDLE - 78, "source of truth", "heading"),
    svg("path", { d: side + lid, class: "box origin" }), reads, words(centre(ORIGIN), MIDDLE + 40, "reads"),
  );
  return { picture, shown, time, reads };
}

// ---- One view

const LABEL = "Animated fleet: space plays and pauses, the arrow keys step";
const PICTURE = "Load balancer, instances, caches and the source of truth; the text below says what happens";

class View {
  constructor(sent) {
    this.total = sent.at.length;
    this.runs = {};
    const place = layout(sent.names.length);
    for (const mode of ["private", "shared"]) {
      const log = logOf(sent, mode, roomIn(place[mode][0]));
      this.runs[mode] = { log, picture: makePicture(log, place, mode), timeline: makeTimeline(log) };
    }
    Object.assign(this, { mode: "private", done: 0, ms: 0, flying: false, playing: false, speed: 1 });
    Object.assign(this, { frames: 0, longest: 0, last: null, spoken: -Infinity, request: 0, drawn: "" });
    this.calm = window.matchMedia("(prefers-reduced-motion: reduce)");
    this.listening = new AbortController();
    this.build(sent, place);
    this.listen();
    this.show();
  }

  build(sent, place) {
    this.cards = [modeCard("private", "Private caches"), modeCard("shared", "One shared Redis")];
    this.frame = makeFrame(sent, place, Object.values(this.runs).map((run) => run.picture.group));
    this.controls = makeControls(this.total);
    this.caption = html("p", { class: "caption" });
    this.live = html("p", { class: "unseen", "aria-live": "polite" });
    this.root = html(
      "form", { class: "lab-fleet", tabindex: 0, "aria-label": LABEL, "data-lm-suppress-shortcuts": "true" },
      html("fieldset", {}, html("legend", { class: "unseen" }, "Caches"), ...this.cards.map(({ card }) => card)),
      this.frame.picture, this.caption, this.live, this.controls.row,
    );
    // JupyterLab asks the element that has the focus, not those around it.
    for (const control of this.root.querySelectorAll("button, input, select")) {
      control.dataset.lmSuppressShortcuts = "true";
    }
  }

  listen() {
    const { signal } = this.listening, { controls, root } = this;
    const on = (node, kind, act) => node.addEventListener(kind, act, { signal });
    on(controls.play, "click", () => this.toggle());
    on(controls.step, "click", () => this.go(this.done + 1));
    on(controls.back, "click", () => this.go(this.flying ? this.done : this.done - 1));
    on(controls.restart, "click", () => this.go(0));
    on(controls.scrub, "input", () => this.go(controls.scrub.valueAsNumber));
    on(controls.speed, "change", () => (this.speed = Number(controls.speed.value)));
    for (const { choice } of this.cards) on(choice, "change", () => this.choose(choice.value));
    on(root, "submit", (event) => event.preventDefault());
    on(root, "keydown", (event) => this.press(event));
    on(this.calm, "change", () => this.go(this.done));
  }

  /** Space and arrows, unless the control that has the focus needs them; nothing reaches the notebook. */
  press(event) {
    event.stopPropagation();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const kind = event.target.type ?? "";
    const needs = { button: [" "], "select-one": [" ", "Arrow"], radio: [" ", "Arrow"], range: ["Arrow"] }[kind] ?? [];
    const act = {
      " ": () => this.toggle(),
      ArrowRight: () => this.controls.step.click(),
      ArrowLeft: () => this.controls.back.click(),
    }[event.key];
    if (!act || needs.some((key) => event.key.startsWith(key))) return;
    event.preventDefault();
    act();
  }

  // Where in the log: `done` requests are over; while flying, `ms` of the next one are too.

  go(count) {
    this.stop();
    Object.assign(this, { done: Math.max(0, Math.min(this.total, count)), ms: 0, flying: false });
    this.show();
    this.speak();
  }

  choose(mode) {
    Object.assign(this, { mode, ms: 0, flying: this.playing && this.flying });
    this.show();
    this.speak();
  }

  toggle() {
    if (this.playing) {
      this.stop();
      this.show();
      this.speak();
      return;
    }
    if (this.done === this.total) Object.assign(this, { done: 0, ms: 0 });
    Object.assign(this, { playing: true, last: null });
    this.request = requestAnimationFrame((now) => this.tick(now));
    this.show();
  }

  stop() {
    this.playing = false;
    cancelAnimationFrame(this.request);
    Object.assign(this.root.dataset, { frames: this.frames, longestFrameMs: this.longest.toFixed(1) });
  }

  tick(now) {
    const passed = this.last === null ? 0 : now - this.last;
    this.last = now;
    this.frames++;
    this.longest = Math.max(this.longest, passed);
    this.advance(Math.min(passed, 100) * this.speed); // after a pause of the browser's own, go on from there
    if (this.done === this.total) this.stop();
    else this.request = requestAnimationFrame((next) => this.tick(next));
    this.show();
    if (!this.playing || (this.known && now - this.spoken > 1000)) this.speak(now);
  }

  advance(ms) {
    this.ms += ms;
    this.flying = !this.calm.matches;
    for (let left = this.left(); left !== null && this.done < this.total; left = this.left()) {
      this.ms = left;
      this.done++;
    }
    if (this.done === this.total) Object.assign(this, { ms: 0, flying: false });
  }

  /** The ms that go to the request after the present one, or null while that is still on. */
  left() {
    const lasting = this.flying ? duration(this.runs[this.mode].log.hit[this.done]) : STILL_MS;
    return this.ms < lasting ? null : this.ms - lasting;
  }

  // What is to be seen

  show() {
    const { log, picture } = this.runs[this.mode];
    const event = this.flying ? this.done : this.done - 1;
    const at = this.flying ? partAt(log.hit[event], this.ms) : null;
    const after = (part) => event >= 0 && (!at || isFrom(at.part, part));
    const known = after("verdict"), counted = after(log.hit[event] ? "verdict" : "origin"), filled = after("filled");
    const drawn = [this.mode, event, known, counted, filled, this.playing].join();
    if (drawn !== this.drawn) this.showChange(event, known, event + counted, event + filled);
    Object.assign(this, { drawn, known });
    showToken(picture, log, event, at, known);
  }

  /** Everything that stays the same while a token travels. */
  showChange(event, known, counted, filled) {
    const { log, picture } = this.runs[this.mode];
    const count = Math.max(0, counted), state = stateAt(log, Math.max(0, filled), tickAt(log, event));
    showCaches(picture, log, state, log.key[event]);
    showRoute(picture, log, event, known);
    this.showCounters(count, event);
    this.showControls(event);
    this.said = event < 0 ? `${this.total} requests are waiting: play, or step.` : this.line(event, known);
    setText(this.caption, this.said);
  }

  line(event, known) {
    const { question, answer } = describe(this.runs[this.mode].log, event);
    return known ? `${question}: ${answer}` : `${question} …`;
  }

  showCounters(count, event) {
    for (const { choice, rate, reads } of this.cards) {
      const totals = stateAt(this.runs[choice.value].log, count);
      const hits = sum(totals.hits), misses = sum(totals.reads);
      setText(rate, count ? `${((100 * hits) / count).toFixed(1)}%` : "–");
      setText(reads, String(misses));
      if (choice.value !== this.mode) continue;
      setText(this.frame.reads, String(misses));
      this.runs[this.mode].picture.instances.forEach((instance, who) => {
        setText(instance.hits, `${totals.hits[who]} ${totals.hits[who] === 1 ? "hit" : "hits"}`);
        setText(instance.reads, `${totals.reads[who]} origin ${totals.reads[who] === 1 ? "read" : "reads"}`);
      });
    }
    setText(this.frame.shown, String(event + 1));
    setText(this.frame.time, `${tickAt(this.runs.private.log, event)} s`);
  }

  showControls(event) {
    const { controls, root } = this;
    controls.scrub.value = event + 1;
    setAttribute(controls.scrub, "aria-valuetext", `${event + 1} of ${this.total}`);
    setAttribute(controls.play, "class", this.playing ? "play playing" : "play");
    setText(controls.play.lastChild, this.playing ? "Pause" : "Play");
    setAttribute(controls.play.querySelector("path"), "d", ICONS[this.playing ? "pause" : "play"]);
    const timeline = this.runs[this.mode].timeline;
    if (controls.timeline.firstChild !== timeline) controls.timeline.replaceChildren(timeline);
    for (const { choice } of this.cards) choice.checked = choice.value === this.mode;
    for (const mode of Object.keys(this.runs)) {
      setAttribute(this.runs[mode].picture.group, "display", mode === this.mode ? "inline" : "none");
    }
    Object.assign(root.dataset, { event: this.done, mode: this.mode, playing: this.playing });
  }

  /** The caption for screen readers, whole and at most once a second while it plays. */
  speak(now = -Infinity) {
    if (this.live.textContent === this.said) return;
    this.spoken = now;
    this.live.textContent = this.said;
  }

  remove() {
    this.stop();
    this.listening.abort();
    this.root.remove();
  }
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}

function render({ model, el }) {
  const view = new View(model.get("log"));
  el.append(view.root);
  return () => view.remove();
}

export default { render };
