// The player: one run of a graph, step by step. `ROWS` stands before this text: the operations of this graph.
"use strict";

// ----- the functions that a row may use -----

const crosses = (rest, b) => rest !== 0 && rest < 0 !== b < 0;

const m = {
  ...Object.fromEntries(
    ["exp", "log", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "abs", "sign"]
      .map((name) => [name, Math[name]])),
  // C and Python: 1 to any power, and −1 to an infinite one, is 1
  power: (a, b) => (a === 1 || (a === -1 && (b === Infinity || b === -Infinity)) ? 1 : a ** b),
  maximum: (a, b) => (a > b || a !== a ? a : b),
  minimum: (a, b) => (a < b || a !== a ? a : b),
  // Python's % has the sign of b, and JavaScript's that of a
  remainder: (a, b) => a % b + (crosses(a % b, b) ? b : 0),
  floor_divide: (a, b) => (b === 0 ? a / b : Math.round((a - a % b) / b) - (crosses(a % b, b) ? 1 : 0)),
  where: (condition, a, b) => (condition != 0 ? a : b), // nan counts as true, as in Python
  equal: (a, b) => a == b,
  erf(x) {
    const z = Math.abs(x);
    if (z >= 2.5) return Math.sign(x) * (1 - m.erfc(z));
    let term = x, sum = x; // all terms of this series have one sign: nothing cancels
    for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) sum += term *= (2 * x * x) / (2 * n + 1);
    return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
  },
  erfc(x) {
    if (!(x >= 2.5)) return 1 - m.erf(x);
    let fraction = x; // a continued fraction, from its far end: the tail keeps its digits
    for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
    return Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
  },
};

// ----- numbers in words, as `wording.number` writes them -----

function number(x) {
  if (x === null || x === undefined) return "–";
  if (x !== x) return "nan";
  const minus = x < 0 ? "−" : "";
  x = Math.abs(x);
  if (x === Infinity) return `${minus}inf`;
  if (x === 0) return "0";
  let [digits, exponent] = x.toExponential(3).split("e");
  const [all] = x.toExponential(20).split("e");
  const tie = /^50*$/.test(all.slice(5)); // Python rounds a tie to even, JavaScript up
  if (tie && Number(all[4]) % 2 === 0) [digits, exponent] = [all.slice(0, 5), x.toExponential(20).split("e")[1]];
  const power = Number(exponent);
  const trimmed = (text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (power >= -4 && power < 4) return minus + trimmed(Number(`${digits}e${power}`).toFixed(3 - power));
  return `${minus}${trimmed(digits)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`.replace("e-", "e−");
}

const signed = (x) => (x > 0 ? `+${number(x)}` : number(x));
const exact = (x) => (Number.isFinite(x) ? String(x).replaceAll("-", "−") : number(x)); // all digits
const sign = (x) => (x < 0 ? "negative" : x > 0 ? "positive" : "");
const passOf = (kind) => (kind === "unseen" ? "backward" : kind);
const real = (x) => (typeof x === "string" ? Number(x) : x); // JSON has no nan and no infinities

// ----- the run: the numbers of every step -----

class Run {
  constructor({ nodes, edges, steps }) {
    Object.assign(this, { nodes, edges, steps, edited: false });
    this.count = nodes.kind.length;
    this.root = this.count - 1;
    this.operands = nodes.kind.map(() => []);
    this.users = nodes.kind.map(() => []);
    edges.parent.forEach((parent, edge) => {
      this.operands[edges.child[edge]].push(edge);
      this.users[parent].push(edge);
    });
    this.reset();
  }

  reset() {
    this.edited = false;
    this.data = this.nodes.data.map(real);
    this.derivative = this.edges.derivative.map(real);
    this.sendAll();
  }

  // Give a leaf another number, and compute everything anew with the rows of the operations.
  edit(leaf, x) {
    this.edited = true;
    this.data[leaf] = x;
    this.forward(this.data);
    for (let node = 0; node < this.count; node++) {
      const row = ROWS[this.nodes.row[node]];
      if (!row) continue;
      const d = row[1](this.data[node], ...this.inputs(node, this.data));
      this.operands[node].forEach((edge, i) => { if (this.derivative[edge] !== null) this.derivative[edge] = Number(d[i]); });
    }
    this.sendAll();
  }

  inputs(node, data) { return this.operands[node].map((edge) => data[this.edges.parent[edge]]); }

  forward(data) {
    for (let node = 0; node < this.count; node++) {
      const row = ROWS[this.nodes.row[node]];
      if (row) data[node] = Number(row[0](...this.inputs(node, data)));
    }
    return data[this.root];
  }

  // ∂root/∂leaf by a central difference of fourth order, over the same rows.
  difference(leaf) {
    if (this.differences.has(leaf)) return this.differences.get(leaf);
    const h = 2e-4 * Math.max(1, Math.abs(this.data[leaf]));
    const at = (t) => { const data = [...this.data]; data[leaf] += t * h; return this.forward(data); };
    this.differences.set(leaf, (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h));
    return this.differences.get(leaf);
  }

  // The backward pass: what every step sends, and what has come by then from operations that are not shown.
  sendAll() {
    const gradient = this.final = Array(this.count).fill(null);
    this.differences = new Map();
    this.arrivals = [];
    this.sends = this.steps.kind.map((kind, i) => {
      const node = this.steps.node[i];
      if (kind === "seed") gradient[node] = 1;
      this.arrivals.push((this.steps.arrivals[i] ?? []).map(([parent, contribution, after]) => {
        const before = gradient[parent];
        gradient[parent] = real(after);
        return { parent, contribution: real(contribution), before, after: gradient[parent] };
      }));
      return this.steps.sends[i].map((edge) => {
        const parent = this.edges.parent[edge], upstream = gradient[node], derivative = this.derivative[edge];
        const unselected = derivative === 0 && this.nodes.selects.includes(node); // 0, even of an infinite gradient
        const contribution = unselected ? 0 : upstream * derivative, before = gradient[parent];
        gradient[parent] = before === null ? contribution : before + contribution;
        return { edge, parent, upstream, derivative, contribution, before, after: gradient[parent] };
      });
    });
  }

  // What is known after step `at`, of which only the first `shown` sends have been made.
  state(at, shown = Infinity) {
    const state = { computed: Array(this.count).fill(true), data: [...this.data], gradient: Array(this.count).fill(null), reached: Array(this.count).fill(false), product: new Map() };
    this.steps.kind.forEach((kind, i) => {
      if (kind === "forward" && i > at) state.computed[this.steps.node[i]] = false;
    });
    for (let i = 0; i <= at; i++) {
      const node = this.steps.node[i], update = this.update(i);
      if (update && state.data[node] !== null) state.data[node] = update.after;
      if (this.steps.kind[i] === "seed") { state.gradient[node] = 1; state.reached[node] = true; }
      if (this.steps.kind[i] === "backward") this.operands[node].forEach((edge) => { state.reached[this.edges.parent[edge]] = true; });
      this.sends[i].slice(0, i === at ? shown : undefined).forEach((send) => {
        state.gradient[send.parent] = send.after;
        state.product.set(send.edge, send.contribution);
      });
      this.arrivals[i].forEach(({ parent, after }) => { state.gradient[parent] = after; state.reached[parent] = true; });
    }
    state.computed.forEach((known, node) => { if (!known) state.data[node] = null; });
    return state;
  }

  // What the optimizer does in a step; nothing is known of it after an edit, for the optimizer is in Python.
  update(step) {
    if (this.edited || !this.steps.update[step]) return null;
    const [after, rate] = this.steps.update[step].map(real), node = this.steps.node[step];
    return { before: this.data[node], gradient: this.final[node] ?? 0, after, rate };
  }

  firstOf(kind) { return this.steps.kind.indexOf(kind); }

  // The step that is about `node`: what computes it, what sends its gradient or, of a leaf, ends it, what moves it.
  stepOf(node, kind) {
    const about = this.steps.kind.findIndex((other, i) => other === kind && this.steps.node[i] === node);
    if (about >= 0 || kind === "update") return about;
    if (kind === "backward") return this.sends.findLastIndex((sends, i) => [...sends, ...this.arrivals[i]].some(({ parent }) => parent === node));
    const users = this.users[node].map((edge) => this.stepOf(this.edges.child[edge], kind)).filter((i) => i >= 0);
    return users.length ? Math.min(...users) : -1;
  }
}

// ----- elements -----

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  return dressed(made, attributes, children);
}

function drawn(tag, attributes = {}, ...children) {
  return dressed(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dressed(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children); // strings become text, never markup
  return made;
}

// Drawn, for not every font has these signs.
const ICONS = {
  first: "M3 3h2v10H3zM13 3v10L6 8z", back: "M11 3v10L4 8z", on: "M5 3v10l7-5z", last: "M11 3h2v10h-2zM3 3v10l7-5z",
  play: "M2 3v10l6-5zM8 3v10l6-5z", pause: "M4 3h3v10H4zM9 3h3v10H9z",
};
const icon = (name) => drawn("svg", { class: "icon", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, drawn("path", { d: ICONS[name] }));

const HELP = [
  ["→ ←", "one step on, one step back"], ["Home End", "first and last step"], ["Space", "play or pause"],
  ["f b u", "to the forward pass, the backward pass, the update"], ["/", "find a node by name; Enter jumps to it"],
  ["Shift + ← →", "walk to an operand, to a user"], ["Shift + ↑ ↓", "walk among the operands of one operation"],
  ["Enter", "jump to the step of the node you walked to"], ["+ − 0", "zoom in, zoom out, fit; drag to move"],
  ["?", "this help"], ["Esc", "close, or leave a field"],
];

// ----- the player -----

class Player {
  constructor(host, graph) {
    Object.assign(this, { host, graph, run: new Run(graph), at: graph.at, selected: -1, playing: 0, score: [0, 0] });
    this.revealed = this.run.steps.kind.map((kind) => (graph.quiz && kind === "backward" ? 0 : Infinity));
    const shadow = host.shadowRoot || host.attachShadow({ mode: "open" });
    shadow.replaceChildren(host.querySelector("template").content.cloneNode(true));
    this.root = element("div", { class: "player" });
    shadow.append(this.root);
    this.last = this.run.steps.kind.length - 1;
    this.build();
    host.addEventListener("keydown", (event) => this.key(event));
    this.dress();
    this.render();
    this.fit();
    new ResizeObserver(() => this.fit()).observe(this.box);
  }

  // In a notebook its theme counts, elsewhere the system's.
  dress() {
    if (this.host.dataset.theme !== "auto") return;
    const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
    if (jpThemeLight) this.host.dataset.theme = jpThemeLight === "true" ? "light" : "dark";
    else if (vscodeThemeKind) this.host.dataset.theme = vscodeThemeKind.includes("dark") ? "dark" : "light";
  }

  build() {
    const button = (text, label, act) => element("button", { type: "button", "aria-label": label, title: label, onclick: act }, text);
    this.slider = element("input", {
      type: "range", class: "slider", min: 0, max: Math.max(0, this.last), step: 1, "aria-label": "step",
      oninput: () => this.go(Number(this.slider.value)),
    });
    const kinds = this.run.steps.kind.map(passOf);
    const passes = ["forward", "seed", "backward", "update"].filter((kind) => kinds.includes(kind)).map((kind) =>
      element("i", { class: kind, style: `flex-grow:${kinds.filter((k) => k === kind).length}` }));
    this.play = button(icon("play"), "play (Space)", () => this.toggle());
    this.speed = element("select", { "aria-label": "speed" },
      ...[["0.5", "½×"], ["1", "1×"], ["2", "2×"]].map(([value, text]) => element("option", { value }, text)));
    this.speed.value = "1";
    this.find = element("input", {
      type: "search", class: "find", placeholder: "find  /", "aria-label": "find a node by its name", list: "names",
    });
    const names = element("datalist", { id: "names" }, ...[...new Set(this.graph.nodes.name)].map((value) => element("option", { value })));
    this.help = element("section", { class: "help", hidden: "", role: "dialog", "aria-label": "keys" },
      element("dl", {}, ...HELP.flatMap(([keys, what]) => [element("dt", {}, keys), element("dd", {}, what)])),
      button("close", "close the help", () => this.toggleHelp()));
    this.box = element("div", { class: "stage" }, this.picture());
    this.phase = element("p", { class: "phase" });
    this.say = element("p", { class: "say", role: "status", "aria-live": "polite" });
    this.formula = element("ol", { class: "formula" });
    this.ask = element("form", { class: "ask", onsubmit: (event) => { event.preventDefault(); this.answer(); } });
    this.about = element("section", { class: "about", "aria-label": "node" });
    this.source = element("ol", { class: "source", "aria-label": "source lines" }, ...this.sources());
    this.root.append(
      element("div", { class: "left" },
        this.box,
        element("div", { class: "controls", role: "toolbar", "aria-label": "player" },
          button(icon("first"), "first step (Home)", () => this.go(0)), button(icon("back"), "step back (←)", () => this.go(this.at - 1)),
          button(icon("on"), "step on (→)", () => this.forwards()), button(icon("last"), "last step (End)", () => this.go(this.last)),
          element("span", { class: "track" }, element("span", { class: "passes", "aria-hidden": "true" }, ...passes), this.slider),
          this.play, this.speed, this.find, names,
          button("+", "zoom in (+)", () => this.zoom(1.25)), button("−", "zoom out (−)", () => this.zoom(0.8)), button("fit", "fit the graph (0)", () => this.fit(true)),
          button("?", "help (?)", () => this.toggleHelp()))),
      element("div", { class: "right" }, this.phase, this.say, this.formula, this.ask, this.about,
        ...(this.graph.lines.length ? [this.source] : []),
        ...(this.graph.caption ? [element("p", { class: "caption" }, this.graph.caption)] : [])),
      this.help);
  }

  // ----- the graph, drawn once: from then on steps change texts and classes only -----

  picture() {
    const { nodes, edges } = this.graph;
    this.edgeViews = edges.path.map((path, edge) => this.drawEdge(path, edge));
    this.cards = nodes.kind.map((_, node) => this.drawCard(node));
    this.view = drawn("g", {}, ...this.edgeViews.map((view) => view.line), ...this.cards.map((card) => card.group),
      ...this.edgeViews.map((view) => view.label));
    const svg = drawn("svg", { role: "group", "aria-label": this.graph.title, class: edges.path.length > this.graph.labelled ? "many" : "" }, this.view);
    let from = null;
    svg.addEventListener("pointerdown", (event) => { from = [event.clientX, event.clientY]; });
    svg.addEventListener("pointermove", (event) => {
      if (!from || !event.buttons) return;
      this.pan[0] += event.clientX - from[0];
      this.pan[1] += event.clientY - from[1];
      from = [event.clientX, event.clientY];
      this.place();
    });
    svg.addEventListener("wheel", (event) => { // without Ctrl the page scrolls on, as the reader means it to
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const frame = svg.getBoundingClientRect();
      this.zoom(event.deltaY < 0 ? 1.15 : 0.87, [event.clientX - frame.left, event.clientY - frame.top]);
    }, { passive: false });
    return (this.svg = svg);
  }

  drawEdge(path, edge) {
    const points = path.split(" ").map((point) => point.split(",").map(Number));
    const tip = points.pop(), end = points.at(-1);
    const length = Math.hypot(tip[0] - end[0], tip[1] - end[1]) || 1;
    const [x, y] = [(tip[0] - end[0]) / length, (tip[1] - end[1]) / length];
    const head = [[tip[0], tip[1]], [tip[0] - 9 * x + 4 * y, tip[1] - 9 * y - 4 * x], [tip[0] - 9 * x - 4 * y, tip[1] - 9 * y + 4 * x]];
    const line = drawn("g", { class: "edge" }, drawn("path", { d: `M${points[0]}C${points.slice(1).join(" ")}` }), drawn("polygon", { points: head.join(" ") }));
    const derivative = drawn("text", { y: -3 }), product = drawn("text", { y: 11, class: "product" });
    const plate = drawn("rect", { rx: 3 });
    const label = drawn("g", { class: "label", transform: `translate(${this.graph.edges.x[edge]},${this.graph.edges.y[edge]})` }, plate, derivative, product);
    return { line, label, plate, derivative, product };
  }

  drawCard(node) {
    const { nodes } = this.graph, width = nodes.width[node], height = nodes.height[node];
    const group = drawn("g", {
      class: `node ${nodes.kind[node]}`, role: "button", tabindex: "-1", transform: `translate(${nodes.x[node]},${nodes.y[node]})`,
      onclick: () => this.jump(node), onfocus: () => this.select(node),
    });
    const shape = { width, height, rx: nodes.kind[node] === "leaf" ? 9 : 2 };
    if (nodes.kind[node] === "root") group.append(drawn("rect", { class: "rim", x: -3, y: -3, width: width + 6, height: height + 6, rx: 4 }));
    const tip = drawn("title");
    if (nodes.kind[node] === "group") group.append(drawn("rect", { ...shape, x: 4, y: 4 }));
    group.append(drawn("rect", shape), tip);
    let y = 4;
    const values = {};
    const row = (className, x, text) => drawn("text", { class: className, x, y: y - 4.5 }, text);
    if (nodes.title[node]) { y += 18; values.title = row("title", 8, nodes.title[node]); group.append(values.title); }
    const facts = this.rows(node), column = Math.max(46, ...facts.map((what) => 14 + 7.4 * what.length));
    for (const what of facts) {
      y += 18;
      values[what] = row(what === "health" ? "value negative" : "value", column, nodes.fixed[node]?.[what] ?? "");
      group.append(row("what", 8, what), values[what]);
    }
    let badge = null; // on the corner, where it takes room from nothing
    if (this.graph.check?.[node] !== undefined) {
      badge = { group: drawn("g", { transform: `translate(${width - 1},1)` }), tip: drawn("title"), text: drawn("text", { y: 4 }) };
      badge.group.append(badge.tip, drawn("circle", { r: 8 }), badge.text);
      group.append(badge.group);
    }
    return { group, tip, values, badge };
  }

  rows(node) { return (this.graph.nodes.facts[node] ?? "data grad").split(" ").filter(Boolean); }

  fit(again) {
    const { clientWidth } = this.box, [width, height] = this.graph.size;
    if (!clientWidth || (this.fitted === clientWidth && !again)) return;
    this.fitted = clientWidth;
    const whole = Math.min(1.25, (clientWidth - 24) / width);
    const readable = Math.min(whole, 536 / height) > 0.65 ? Math.min(whole, 536 / height) : 0.9; // else follow the current step
    if (!again) this.frame = Math.round(Math.min(560, Math.max(this.host.clientWidth > 820 ? 430 : 240, height * readable + 40)));
    this.svg.setAttribute("height", this.frame);
    this.scale = again ? Math.min(whole, (this.frame - 24) / height) : readable;
    this.pan = [(clientWidth - width * this.scale) / 2, (this.frame - height * this.scale) / 2];
    this.place();
    this.follow();
  }

  zoom(factor, centre = [this.box.clientWidth / 2, this.frame / 2]) {
    const scale = Math.min(4, Math.max(0.05, this.scale * factor));
    this.pan = this.pan.map((shift, i) => centre[i] - ((centre[i] - shift) * scale) / this.scale);
    this.scale = scale;
    this.place();
  }

  get cropped() {
    const [width, height] = this.graph.size;
    return width * this.scale > this.box.clientWidth || height * this.scale > this.frame;
  }

  place() { this.view.setAttribute("transform", `translate(${this.pan}) scale(${this.scale})`); }

  // Bring the current node well into the frame: the frame moves, the graph does not.
  follow() {
    if (!this.cropped) return;
    const { nodes, steps } = this.graph, node = this.selected >= 0 ? this.selected : steps.node[this.at];
    if (node === undefined || !this.pan) return;
    [[nodes.x, nodes.width, this.box.clientWidth], [nodes.y, nodes.height, this.frame]].forEach(([start, size, room], i) => {
      const [low, high] = [start[node] * this.scale + this.pan[i], (start[node] + size[node]) * this.scale + this.pan[i]];
      if (low < 90 || high > room - 90) this.pan[i] += room / 2 - (low + high) / 2;
      const whole = this.graph.size[i] * this.scale; // beyond the graph there is nothing to see
      this.pan[i] = whole + 24 < room ? (room - whole) / 2 : Math.min(12, Math.max(room - whole - 12, this.pan[i]));
    });
    this.place();
  }

  // ----- going -----

  go(at) {
    this.at = Math.min(this.last, Math.max(0, at));
    this.selected = -1;
    this.render();
    this.follow();
  }

  pending() { return this.at >= 0 && this.at <= this.last && this.revealed[this.at] < this.run.sends[this.at].length; }

  forwards() {
    if (this.pending()) { this.revealed[this.at]++; this.verdict = null; this.render(); }
    else this.go(this.at + 1);
  }

  jump(node) {
    const now = this.graph.steps.kind[this.at];
    const step = [["seed", "unseen"].includes(now) ? "backward" : now, "backward", "forward"].map((kind) => this.run.stepOf(node, kind)).find((i) => i >= 0);
    if (step !== undefined) this.go(step);
    this.select(node);
  }

  select(node) {
    this.selected = node;
    this.render();
    this.follow();
  }

  walk(key) {
    const { parent, child } = this.run.edges, node = this.selected >= 0 ? this.selected : this.graph.steps.node[this.at];
    const up = this.run.operands[node] ?? [], down = this.run.users[node] ?? []; // without a step there is no node
    let next;
    if (key === "ArrowLeft" && up.length) next = parent[up[0]];
    if (key === "ArrowRight" && down.length) next = child[down[0]];
    if ((key === "ArrowUp" || key === "ArrowDown") && down.length) {
      const siblings = [...new Set(this.run.operands[child[down[0]]].map((edge) => parent[edge]))];
      next = siblings[siblings.indexOf(node) + (key === "ArrowUp" ? -1 : 1)];
    }
    if (next !== undefined) { this.select(next); this.cards[next].group.focus({ preventScroll: true }); }
  }

  search() {
    const wanted = this.find.value.trim().toLowerCase();
    const { name, title } = this.graph.nodes;
    const tests = [(i) => name[i].toLowerCase() === wanted, (i) => name[i].toLowerCase().startsWith(wanted), (i) => title[i].toLowerCase().includes(wanted)];
    const found = wanted ? tests.map((test) => name.findIndex((_, i) => test(i))).find((i) => i >= 0) : undefined;
    this.find.setAttribute("aria-invalid", String(wanted !== "" && found === undefined));
    if (found === undefined) return;
    this.jump(found);
    this.host.focus({ preventScroll: true });
  }

  toggle() {
    if (this.playing) { clearTimeout(this.playing); this.playing = 0; }
    else {
      if (this.at >= this.last) this.go(0);
      this.tick();
    }
    this.render();
  }

  tick() {
    this.playing = setTimeout(() => {
      this.playing = 0;
      if (!this.host.isConnected || this.pending()) return this.render(); // a question waits for its answer
      this.go(this.at + 1);
      if (this.at < this.last) this.tick();
      this.render();
    }, 1200 / Number(this.speed.value));
  }

  toggleHelp() { this.help.hidden = !this.help.hidden; }

  // Keys that come here have the focus in the player; none of them is for the page around it.
  key(event) {
    event.stopPropagation();
    const target = event.composedPath()[0], key = event.key;
    const typing = target.matches?.("input:not([type=range])");
    if (key === "Escape") {
      this.help.hidden = true;
      if (typing) this.host.focus({ preventScroll: true });
      return;
    }
    if (target === this.find && key === "Enter") { event.preventDefault(); this.search(); return; }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.pending() && /^[\d.−-]$/.test(key)) { this.ask.querySelector("input").focus({ preventScroll: true }); return; } // where it is typed
    if (target.matches?.("button, select") && [" ", "Enter"].includes(key)) return; // a button is pressed by these
    if (target.matches?.("select") && key.startsWith("Arrow")) return;
    const acts = {
      ArrowRight: () => this.forwards(), ArrowLeft: () => this.go(this.at - 1), Home: () => this.go(0), End: () => this.go(this.last),
      " ": () => this.toggle(), f: () => this.pass("forward"), b: () => this.pass("backward"), u: () => this.pass("update"), "/": () => this.find.focus(), "?": () => this.toggleHelp(),
      "+": () => this.zoom(1.25), "-": () => this.zoom(0.8), 0: () => this.fit(true),
      Enter: () => { if (this.selected >= 0) this.jump(this.selected); },
    };
    const act = event.shiftKey && key.startsWith("Arrow") ? () => this.walk(key) : acts[key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  pass(kind) { if (this.run.firstOf(kind) >= 0) this.go(this.run.firstOf(kind)); }

  // ----- the quiz -----

  answer() {
    const shown = this.revealed[this.at], send = this.run.sends[this.at][shown];
    const text = this.ask.querySelector("input").value.trim().replaceAll("−", "-");
    if (!text) return;
    const given = /^[+-]?inf(inity)?$/i.test(text) ? Infinity * (text[0] === "-" ? -1 : 1) : Number(text);
    const [close, right] = [Math.abs(given - send.contribution) <= 0.01 * Math.abs(send.contribution), given === send.contribution];
    const good = close || right || (send.contribution !== send.contribution && text.toLowerCase() === "nan");
    this.score[0] += good;
    this.score[1]++;
    const product = `${number(send.upstream)} × ${number(send.derivative)} = ${signed(send.contribution)}`;
    this.verdict = good ? `Right: ${product}.` : `Not ${text.replace("-", "−")}: ${product}.`;
    this.revealed[this.at]++;
    this.render();
    (this.ask.querySelector("input") || this.host).focus({ preventScroll: true });
  }

  renderQuestion() {
    if (!this.graph.quiz || this.last < 0) return;
    const sends = this.run.sends[this.at], send = sends[this.revealed[this.at]];
    const parts = [];
    if (this.verdict) parts.push(element("p", { class: "verdict", role: "status" }, this.verdict));
    if (send) {
      const { name } = this.graph.nodes, from = name[this.graph.steps.node[this.at]];
      const label = `What does ${from} send to ${name[send.parent]}? Its gradient is ${number(send.upstream)}, the local derivative ${number(send.derivative)}.`;
      parts.push(element("label", {}, label, element("input", { type: "text", inputmode: "decimal", autocomplete: "off" })),
        element("button", { type: "submit" }, "check"));
    }
    if (this.score[1]) parts.push(element("p", { class: "score" }, `${this.score[0]} of ${this.score[1]} right`));
    this.ask.replaceChildren(...parts);
  }

  // ----- showing a step -----

  render() {
    if (this.at !== this.rendered) this.verdict = null;
    this.rendered = this.at;
    const shown = this.revealed[this.at] ?? Infinity;
    const state = this.run.state(this.at, shown), step = this.graph.steps;
    const sends = (this.run.sends[this.at] ?? []).slice(0, shown);
    this.renderCards(state, sends);
    this.renderEdges(state, sends);
    this.slider.value = this.at;
    const kind = step.kind[this.at] ?? "forward", phase = kind === "unseen" ? "backward · from outside" : kind;
    this.phase.textContent = this.last < 0 ? "nothing to step through" : `${phase} · step ${this.at + 1} of ${this.last + 1}`;
    this.phase.className = `phase ${passOf(kind)}`;
    this.slider.setAttribute("aria-valuetext", this.phase.textContent);
    const said = this.pending() ? "Think before you look." : this.sentence();
    if (this.say.textContent !== said) this.say.textContent = said;
    this.renderFormula(sends);
    this.renderQuestion();
    this.renderAbout(state);
    this.light(this.selected >= 0 ? this.selected : step.node[this.at]);
    this.play.replaceChildren(icon(this.playing ? "pause" : "play"));
    this.play.setAttribute("aria-label", this.playing ? "pause (Space)" : "play (Space)");
  }

  // Python's words; after an edit, whose numbers Python does not know, shorter ones from here.
  sentence() {
    const { steps, nodes } = this.graph;
    if (!this.run.edited) return steps.say[this.at] ?? "";
    const node = steps.node[this.at];
    if (steps.kind[this.at] === "forward") return `${nodes.title[node]} is ${number(this.run.data[node])}`;
    if (steps.kind[this.at] === "seed") return `the result ${nodes.name[node]} starts with gradient 1`;
    if (steps.kind[this.at] === "update") return `the update of ${nodes.name[node]} was computed in Python, before your edit`;
    const sends = this.run.sends[this.at].map((send) => `${signed(send.contribution)} to ${nodes.name[send.parent]}`);
    return `${nodes.name[node]} sends ${sends.join(", ")}`;
  }

  renderCards(state, sends) {
    const { nodes } = this.graph, current = this.graph.steps.node[this.at];
    const reached = new Set([...sends, ...(this.run.arrivals[this.at] ?? [])].map(({ parent }) => parent));
    const inputs = this.graph.steps.kind[this.at] === "forward" ? new Set(this.run.operands[current].map((edge) => this.run.edges.parent[edge])) : new Set();
    this.cards.forEach(({ group, tip, values, badge }, node) => {
      const data = state.data[node], gradient = state.gradient[node], check = this.check(node);
      if (values.title) values.title.textContent = nodes.title[node];
      const fixed = nodes.fixed[node] ?? {}, known = { data: state.computed[node], grad: state.reached[node], "|grad|": state.reached[node] };
      for (const [what, text] of Object.entries(fixed)) values[what].textContent = known[what] === false ? "–" : text;
      if (values.data && !fixed.data) values.data.textContent = number(data);
      if (values.grad && !fixed.grad) {
        values.grad.textContent = number(gradient);
        values.grad.setAttribute("class", `value ${sign(gradient)}`);
      }
      const marks = { current: node === current, reached: reached.has(node), input: inputs.has(node), selected: node === this.selected, waiting: !state.computed[node] };
      for (const [mark, on] of Object.entries(marks)) group.classList.toggle(mark, on);
      const bad = [data, gradient].some((x) => x !== null && !Number.isFinite(x));
      group.classList.toggle("bad", bad);
      const lines = [nodes.title[node], fixed.array, nodes.health[node], data === null ? "" : `data ${exact(data)}`, gradient === null ? "" : `grad ${exact(gradient)}`];
      tip.textContent = lines.filter(Boolean).join("\n");
      const words = [nodes.title[node] || nodes.name[node]];
      if (nodes.fixed[node]) words.push(...this.rows(node).map((what) => `${what} ${values[what].textContent}`));
      else words.push(`data ${number(data)}`, nodes.kind[node] === "constant" ? "constant" : `gradient ${gradient === null ? "not yet" : number(gradient)}`);
      if (check) words.push(check.words);
      if (badge) {
        badge.group.setAttribute("class", `badge ${check ? check.verdict : "none"}`);
        badge.text.textContent = check ? check.sign : "";
        badge.tip.textContent = check ? check.words : "";
      }
      group.setAttribute("aria-label", words.join(", "));
    });
  }

  renderEdges(state, sends) {
    const current = this.graph.steps.node[this.at], now = new Set(sends.map((send) => send.edge));
    const forward = this.graph.steps.kind[this.at] === "forward";
    this.edgeViews.forEach(({ line, label, plate, derivative, product }, edge) => {
      const child = this.run.edges.child[edge], d = this.run.derivative[edge], sent = state.product.get(edge);
      const active = now.has(edge) || (child === current && (forward || this.pending()));
      line.setAttribute("class", `edge ${active ? "active" : ""} ${sent === undefined ? "" : `sent ${sign(sent)}`}`);
      line.style.setProperty("--weight", sent === undefined ? 1.2 : 1.2 + Math.min(3, Math.max(0, Math.log10(Math.abs(sent) || 1e-3) + 1.5)));
      label.setAttribute("class", `label ${active ? "active" : ""} ${d === null || !state.computed[child] ? "none" : ""}`);
      derivative.textContent = d === null ? "" : `∂ ${number(d)}`;
      derivative.setAttribute("class", sign(d));
      product.textContent = sent === undefined ? "" : `→ ${signed(sent)}`;
      product.setAttribute("class", `product ${sign(sent)}`);
      const width = 7 * Math.max(derivative.textContent.length, product.textContent.length) + 8;
      const shape = { x: -width / 2, y: -15, width, height: sent === undefined ? 17 : 30 };
      for (const [name, value] of Object.entries(shape)) plate.setAttribute(name, value);
    });
  }

  renderFormula(sends) {
    const { nodes, edges, steps } = this.graph, node = steps.node[this.at], rows = [];
    const coloured = (x, text = number(x)) => element("b", { class: sign(x) }, text);
    if (steps.kind[this.at] === "forward") {
      const inputs = new Map(this.run.operands[node].map((edge) => [edges.parent[edge], edge]));
      for (const parent of inputs.keys()) {
        if (nodes.kind[parent] !== "constant") rows.push([`${nodes.name[parent]} = `, coloured(this.run.data[parent])]);
      }
      rows.push([`${nodes.name[node]} = `, coloured(this.run.data[node])]);
    }
    const update = this.run.update(this.at);
    if (update && this.run.data[node] !== null) {
      const { before, gradient, after, rate } = update, change = after - before, start = `${nodes.name[node]} = ${number(before)}`;
      if (rate !== null) rows.push([`${start} − ${number(rate)} × `, coloured(gradient), " = ", coloured(after)]);
      else rows.push([`${start} ${change < 0 ? "−" : "+"} ${number(Math.abs(change))} = `, coloured(after), element("small", {}, "its gradient is ", coloured(gradient))]);
    }
    if (steps.kind[this.at] === "seed") rows.push([`∂${nodes.name[node]}/∂${nodes.name[node]} = `, coloured(1)]);
    for (const { edge, parent, upstream, derivative, contribution, before, after } of sends) {
      const rule = edges.rule[edge];
      rows.push([
        "send grad ", coloured(upstream), ` to ${nodes.name[parent]}: × ${rule ? `${rule} = ` : ""}`, coloured(derivative), " → ", coloured(contribution, signed(contribution)),
        element("small", {}, before === null ? "grad = " : `grad += ${number(contribution)}: ${number(before)} ${contribution < 0 ? "−" : "+"} ${number(Math.abs(contribution))} = `, coloured(after)),
      ]);
    }
    for (const { parent, contribution, before, after } of this.run.arrivals[this.at] ?? []) {
      if (after === null) continue; // of an array
      const start = before === null ? "" : `${number(before)} ${contribution < 0 ? "−" : "+"} ${number(Math.abs(contribution))} = `;
      rows.push([`grad ${nodes.name[parent]} = ${start}`, coloured(after, before === null ? signed(after) : number(after))]);
    }
    this.formula.replaceChildren(...rows.map((row) => element("li", {}, ...row)));
  }

  renderAbout(state) {
    const node = this.selected >= 0 ? this.selected : this.graph.steps.node[this.at];
    if (node === undefined) return;
    const typing = this.about.contains(this.host.shadowRoot.activeElement);
    if (typing && this.shownAbout === node && !this.fresh) return;
    Object.assign(this, { shownAbout: node, fresh: false });
    const { nodes } = this.graph, gradient = state.gradient[node], data = state.data[node];
    const fixed = nodes.fixed[node] ?? {}, { values } = this.cards[node];
    const told = (what) => {
      if (what === "health") return element("span", { class: "poor" }, nodes.health[node]);
      return fixed[what] ? values[what].textContent : exact(what === "data" ? data : gradient);
    };
    const facts = (this.rows(node).length ? this.rows(node) : ["data"]).map((what) => [what, told(what)]);
    const check = this.check(node);
    if (check) facts.push(["check", element("span", { class: check.verdict }, `${check.words} ${check.sign}`)]);
    const rows = facts.flatMap(([what, text]) => [element("dt", {}, what), element("dd", {}, text)]);
    const parts = [element("h3", {}, nodes.title[node] || nodes.name[node]), element("dl", {}, ...rows)];
    if (nodes.kind[node] === "leaf" && this.graph.editable && !this.run.update(this.at)) parts.push(this.editor(node));
    this.about.replaceChildren(...parts);
  }

  // The gradient that the pass will arrive at, beside a finite difference.
  check(node) {
    const given = this.graph.check?.[node];
    if (given === undefined || (this.graph.quiz && (this.at < this.last || this.pending()))) return null; // no hints
    if (this.run.edited && !this.graph.editable) return null;
    const numeric = this.run.edited ? this.run.difference(node) : real(given);
    const final = this.run.final[node] ?? 0;
    const good = Math.abs(numeric - final) <= 1e-5 * Math.max(1, Math.abs(final));
    const words = `finite difference ${exact(Number(numeric.toPrecision(9)))}${good ? "" : `, gradient ${number(final)}`}`;
    return { words, sign: good ? "✓" : "≠", verdict: good ? "good" : "poor" };
  }

  editor(node) {
    const field = element("input", { type: "text", inputmode: "decimal", value: String(this.run.data[node]), autocomplete: "off", "aria-label": `data of ${this.graph.nodes.name[node]}` });
    const submit = (event) => {
      event.preventDefault();
      const text = field.value.trim().replaceAll("−", "-"), x = Number(text);
      const good = text !== "" && (x === x || text.toLowerCase() === "nan");
      field.setAttribute("aria-invalid", String(!good));
      if (good) this.edit(node, x);
    };
    const reset = element("button", { type: "button", onclick: () => this.edit(node, null) }, "reset");
    return element("form", { class: "edit", onsubmit: submit }, field, element("button", { type: "submit" }, "set"), ...(this.run.edited ? [reset] : []));
  }

  // Where somebody else keeps the graph, as a notebook's widget does, the new numbers come from there, by `update`.
  edit(node, x) {
    this.fresh = true;
    if (!this.host.dispatchEvent(new CustomEvent("glassgrad-edit", { detail: { node, data: x }, cancelable: true }))) return;
    if (x === null) this.run.reset();
    else this.run.edit(node, x);
    Object.assign(this, { selected: node, fresh: true });
    this.root.classList.toggle("edited", this.run.edited);
    this.render();
    this.about.querySelector("input")?.focus({ preventScroll: true });
  }

  sources() { return this.graph.lines.map(([where, text]) => element("li", { title: where }, element("code", {}, text))); }

  // The same graph with other numbers: the step stays, and so does every card.
  update(graph) {
    Object.assign(this, { graph, run: new Run(graph) });
    this.source.replaceChildren(...this.sources());
    const typing = this.about.contains(this.host.shadowRoot.activeElement);
    this.root.classList.remove("edited");
    this.render();
    if (typing && !this.about.contains(this.host.shadowRoot.activeElement)) this.about.querySelector("input")?.focus({ preventScroll: true });
  }

  // Light the source line of a node; scroll the list, never the page.
  light(node) {
    const line = this.graph.nodes.line[node];
    [...this.source.children].forEach((item, i) => {
      item.classList.toggle("lit", i === line);
      if (i === line) this.source.scrollTop = item.offsetTop - this.source.clientHeight / 2;
    });
  }
}

// The players in a page that do not play yet.
function mount(page) {
  for (const host of page.querySelectorAll(".glassgrad-player:not([data-ready])")) {
    host.dataset.ready = "";
    host.player = new Player(host, JSON.parse(host.querySelector("script").textContent));
  }
}
