// The reviewers' page. No library; nothing is stored, and text is only ever put into the page as text.
// Places are told in characters as the server counts them (code points), not in those of JavaScript.
"use strict";

const at = (id) => document.getElementById(id);
const QUESTIONS = {
  answer: "Is this answer toxic?",
  taken_back: "Is what was taken back here toxic?",
};
const REASONS = {
  reported: "reported by a user",
  disagreement: "probe and classifier disagree",
  near_threshold: "near a threshold",
  rewound: "rewound",
  sample: "random sample",
};
const CRITERIA = ["fluency", "coherence", "relevance"];

let key = "";
let item = null;
let skipped = [];
let words = [];
let cursor = 0;
let mark = null;
let marking = false;
let rows = [];
let row = 0;
let busy = false;

async function ask(method, path, body) {
  const answer = await fetch(path, {
    method,
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error((said.error && said.error.message) || `the server answers ${answer.status}`);
  return said;
}

// Do one thing at a time, and say what goes wrong.
async function doing(work) {
  if (busy) return;
  busy = true;
  at("problem").textContent = "";
  try {
    await work();
  } catch (error) {
    at("problem").textContent = error instanceof TypeError ? "the server cannot be reached" : error.message;
  } finally {
    busy = false;
  }
}

async function begin() {
  key = at("key").value;
  await progress();
  const policies = await ask("GET", "v1/detox/policies");
  const names = new Set(policies.data.flatMap((policy) => Object.keys(policy.thresholds)));
  at("category").replaceChildren(new Option("none", ""), ...[...names].sort().map((name) => new Option(name, name)));
  at("enter").hidden = true;
  await next();
}

async function progress() {
  const status = await ask("GET", "v1/review/status");
  const kappa = status.agreement.kappa_toxic;
  at("progress").textContent =
    `${status.reviewer}: ${status.own_reviews} done, ${status.waiting} waiting` +
    (kappa === null ? "" : `, agreement (kappa) ${kappa.toFixed(2)}`);
}

async function next() {
  item = (await ask("POST", "v1/review/next", { skip: skipped })).item;
  at("item").hidden = item === null;
  at("nothing").hidden = item !== null;
  if (item === null) return at("nothing-title").focus();
  show();
}

function show() {
  at("item").reset();
  const before = item.about === "taken_back";
  at("question").textContent = QUESTIONS[item.about];
  at("facts").textContent = `Why it is shown: ${REASONS[item.reason]}. Policy ${item.policy}, language ${item.language || "unknown"}.`;
  at("reports").replaceChildren(...item.said_of.map(report));
  at("prompt-box").hidden = !item.prompt;
  at("prompt").textContent = item.prompt || "";
  at("text-title").textContent = before ? "The answer, with what was taken back" : "The answer";
  at("instead-box").hidden = !before;
  at("instead").textContent = before ? item.text : "";
  spell(before ? item.taken_back.text : item.text, before ? item.taken_back.start : 0);
  rate(before ? ["before", "after"] : ["after"]);
  at("question").focus();
}

function report(said) {
  const entry = document.createElement("li");
  const parts = [said.verdict.replace("_", " "), said.category, said.span && `characters ${said.span.join(" to ")}`, said.comment];
  entry.textContent = parts.filter(Boolean).join(": ");
  return entry;
}

// The text, a word at a time; the cursor stands at the first one from character `from` on.
function spell(text, from) {
  let place = 0;
  words = (text.match(/\s*\S+\s*$|\s*\S+|\s+$/gu) || []).map((word) => {
    const lead = [...word.match(/^\s*/u)[0]].length;
    const element = document.createElement("span");
    element.textContent = word;
    const start = place + lead;
    place += [...word].length;
    return { element, start, end: place - [...word.match(/\s*$/u)[0]].length };
  });
  at("text").replaceChildren(...words.map((word) => word.element));
  cursor = Math.max(0, words.findIndex((word) => word.start >= from));
  mark = null;
  marking = false;
  paint();
}

function paint() {
  const [first, last] = mark ? [Math.min(...mark), Math.max(...mark)] : [0, -1];
  words.forEach((word, index) => {
    word.element.classList.toggle("here", index === cursor);
    word.element.classList.toggle("marked", index >= first && index <= last);
  });
}

function marked() {
  if (!mark || !words.length) return null;
  return [words[Math.min(...mark)].start, words[Math.max(...mark)].end];
}

function announce(words) {
  at("said").textContent = words;
}

// Go `step` words on. With `extend` the mark goes along, and begins at the word that the cursor stands on.
function move(step, extend) {
  if (!words.length) return;
  if (extend && !marking) mark = [cursor, cursor];
  else cursor = Math.min(words.length - 1, Math.max(0, cursor + step));
  if (extend) mark[1] = cursor;
  marking = extend;
  paint();
  announce(extend ? `marked: ${excerpt()}` : words[cursor].element.textContent.trim());
}

function excerpt() {
  const [first, last] = [Math.min(...mark), Math.max(...mark)];
  return words.slice(first, last + 1).map((word) => word.element.textContent).join("").trim();
}

function rate(parts) {
  at("ratings").querySelectorAll("fieldset").forEach((old) => old.remove());
  rows = parts.flatMap((part) => CRITERIA.map((criterion) => ({ part, criterion })));
  rows.forEach((each) => at("ratings").append(ratingOf(each)));
  row = 0;
  setOff();
}

function ratingOf(each) {
  const field = document.createElement("fieldset");
  const legend = document.createElement("legend");
  const whose = { before: ", of what was taken back", after: item.about === "taken_back" ? ", of what was said instead" : "" };
  legend.textContent = each.criterion + whose[each.part];
  field.append(legend);
  each.name = each.criterion + (each.part === "before" ? "_before" : "");
  for (let value = 1; value <= 5; value += 1) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: each.name, value: String(value) });
    label.append(input, ` ${value}`);
    field.append(label);
  }
  field.addEventListener("focusin", () => { row = rows.indexOf(each); setOff(); });
  each.field = field;
  return field;
}

function setOff() {
  rows.forEach((each, index) => each.field.classList.toggle("here", index === row));
}

function rated(value) {
  rows[row].field.querySelector(`input[value="${value}"]`).checked = true;
  announce(`${rows[row].field.querySelector("legend").textContent}: ${value}`);
  row = Math.min(rows.length - 1, row + 1);
  setOff();
}

const chosen = (name) => (document.querySelector(`input[name="${name}"]:checked`) || {}).value;

function judgement() {
  const toxic = { yes: true, no: false, unsure: null }[chosen("toxic")];
  if (toxic === undefined) throw new Error("Say whether it is toxic: t (yes), n (no) or u (no saying).");
  const said = { item: item.item, about: item.about, toxic };
  if (toxic) Object.assign(said, { span: marked(), category: at("category").value || null });
  for (const each of rows) if (chosen(each.name)) said[each.name] = Number(chosen(each.name));
  if (at("comment").value.trim()) said.comment = at("comment").value.trim();
  return said;
}

async function save() {
  await ask("POST", "v1/review", judgement());
  announce("saved");
  await progress();
  await next();
}

async function skip() {
  skipped = [...skipped, item.item].slice(-1000);
  announce("left to others");
  await next();
}

function toxic(value) {
  document.querySelector(`input[name="toxic"][value="${value}"]`).checked = true;
  announce(`toxic: ${value}`);
}

const KEYS = {
  t: () => toxic("yes"),
  n: () => toxic("no"),
  u: () => toxic("unsure"),
  c: () => at("category").focus(),
  s: () => doing(save),
  x: () => doing(skip),
  Backspace: () => { row = Math.max(0, row - 1); setOff(); },
  Escape: () => { mark = null; marking = false; paint(); announce("no mark"); },
  ArrowLeft: (event) => move(-1, event.shiftKey),
  ArrowRight: (event) => move(1, event.shiftKey),
};

document.addEventListener("keydown", (event) => {
  if (!item || at("item").hidden || event.ctrlKey || event.altKey || event.metaKey) return;
  const inside = event.target instanceof Element ? event.target : document.body;
  if (event.key === "Escape" && inside.matches("select, textarea")) return at("text").focus();
  if (inside.matches("select, textarea")) return;
  if (event.key.startsWith("Arrow") && inside.matches("input")) return;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const act = /^[1-5]$/.test(name) ? () => rated(name) : KEYS[name];
  if (!act) return;
  event.preventDefault();
  act(event);
});

at("text").addEventListener("mouseup", () => {
  const selection = getSelection();
  const ends = [selection.anchorNode, selection.focusNode].map((node) =>
    words.findIndex((word) => node && word.element.contains(node)));
  if (ends.includes(-1)) return;
  mark = ends;
  cursor = ends[1];
  marking = true;
  selection.removeAllRanges();
  move(0, true);
});
at("enter").addEventListener("submit", (event) => { event.preventDefault(); doing(begin); });
at("item").addEventListener("submit", (event) => { event.preventDefault(); doing(save); });
at("skip").addEventListener("click", () => doing(skip));
at("again").addEventListener("click", () => doing(async () => { skipped = []; await progress(); await next(); }));
