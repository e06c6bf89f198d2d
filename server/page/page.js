// The page at /: asks this server as any client does, and shows what its guard does meanwhile.

import { begun, tell } from "./answer.js";
import { parsed, play, unfit, written } from "./replay.js";
import { ask, get } from "./stream.js";
import { show, showFigures, showScores, Teller } from "./view.js";

const at = (id) => document.getElementById(id);
const KEY = "unsay.key";

let model = null;
let policies = [];
let rights = [];
let running = null; // what stops the answer that is being written
let finished = null; // {answer, events, about} of the last one

function status(words) {
  at("status").textContent = words;
}

/** Say what was found, unless an answer is being written: its own words count. */
function greet(words) {
  if (!running) status(words);
}

/** Ask what this server has, with the key that is typed in. Nothing can be written before it has answered. */
async function look() {
  const key = at("key").value;
  at("go").disabled = true;
  try {
    const [found, models] = await Promise.all([get("v1/detox/policies", key), get("v1/models", key)]);
    policies = found.data;
    rights = found.rights;
    model = models.data[0].id;
    const options = policies.map((policy) => new Option(policy.name, policy.name));
    at("policy").replaceChildren(...options);
    at("policy").value = found.default;
    greet(rights.includes("trace") ? `Serving ${model}.` : `Serving ${model}. Without the right to trace only released text is seen.`);
  } catch (error) {
    [model, rights, policies] = [null, [], []];
    at("policy").replaceChildren();
    greet(`${error.message}`);
  }
  at("go").disabled = model === null;
  at("beside").disabled = !rights.includes("loosen");
  at("beside").checked &&= !at("beside").disabled;
  at("beside-why").hidden = !at("beside").disabled;
  if (!running) idle();
}

function chosen() {
  return policies.find((policy) => policy.name === at("policy").value)?.thresholds ?? {};
}

function body(kind, detox) {
  const prompt = at("prompt").value;
  const seed = at("seed").value;
  return {
    model,
    stream: true,
    max_tokens: Number(at("tokens").value),
    temperature: Number(at("temperature").value),
    ...(seed === "" ? {} : { seed: Number(seed) }),
    ...(kind === "chat" ? { messages: [{ role: "user", content: prompt }] } : { prompt }),
    detox,
  };
}

/** A drawing of one answer, until there is another: `soon` is before the next frame, however often it is asked for;
    `now` needs no frame, for none comes in a tab that nobody sees. */
function drawing(answer, thresholds, teller) {
  let asked = false;
  const now = () => {
    if (finished.answer !== answer) return;
    show(at("answer"), answer);
    showScores(at("scores"), answer, thresholds);
    showFigures(answer);
    teller.tell(answer);
  };
  const soon = () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      now();
    });
  };
  return { soon, now };
}

async function guarded(kind, signal) {
  const answer = begun();
  const events = [];
  const thresholds = chosen();
  const draw = drawing(answer, thresholds, new Teller(at("said")));
  const detox = { policy: at("policy").value, ...(rights.includes("trace") ? { trace: true } : {}) };
  const began = performance.now();
  finished = { answer, events, about: { model, kind, policy: detox.policy, thresholds, prompt: at("prompt").value } };
  draw.now();
  try {
    for await (const event of ask(path(kind), body(kind, detox), at("key").value, signal)) {
      events.push({ ...event, after: Math.round(performance.now() - began) / 1000 });
      tell(answer, event);
      draw.soon();
    }
  } finally {
    draw.now();
  }
}

async function unguarded(kind, signal) {
  const place = at("plain");
  place.replaceChildren();
  for await (const event of ask(path(kind), body(kind, { mode: "off" }), at("key").value, signal)) {
    if (event.event === "text") place.append(event.text);
  }
}

function path(kind) {
  return kind === "chat" ? "v1/chat/completions" : "v1/completions";
}

/** Do something that can be stopped, and say how it went. */
async function run(work, words) {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  at("stop").disabled = false;
  at("save").disabled = at("again").disabled = true;
  status(words);
  try {
    await work(mine.signal);
    if (!mine.signal.aborted) status("Done.");
  } catch (error) {
    if (running === mine) status(mine.signal.aborted ? "Stopped." : `${error.message}`);
    mine.abort();
  }
  if (running === mine) idle();
}

function idle() {
  running = null;
  at("stop").disabled = true;
  const why = finished ? unfit(finished.answer) : "there is none";
  at("save").disabled = why !== null;
  at("save").title = why === null ? "" : `Not this answer: ${why}.`;
  at("again").disabled = !finished?.answer.report;
}

function write(submitted) {
  submitted.preventDefault();
  const kind = new FormData(at("ask")).get("kind");
  at("unguarded").hidden = !at("beside").checked;
  const both = (signal) => Promise.all([guarded(kind, signal), ...(at("beside").checked ? [unguarded(kind, signal)] : [])]);
  run(both, "Writing.");
}

function save() {
  const { prompt, ...about } = finished.about;
  const text = written(finished.events, at("with-prompt").checked ? { ...about, prompt } : about);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "unsay-replay.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function replay(events, about) {
  const answer = begun();
  const draw = drawing(answer, about.thresholds, new Teller(at("said")));
  finished = { answer, events, about };
  at("unguarded").hidden = true;
  draw.now();
  const told = (event) => {
    tell(answer, event);
    draw.soon();
  };
  run((signal) => play({ events }, told, signal).finally(draw.now), `A replay${about.prompt ? ` of: ${about.prompt}` : ""}.`);
}

async function open() {
  const [file] = at("open").files;
  if (!file) return;
  try {
    const { events, ...about } = parsed(await file.text());
    replay(events, about);
  } catch (error) {
    status(error.message);
  }
  at("open").value = "";
}

at("key").value = sessionStorage.getItem(KEY) ?? "";
at("key").addEventListener("change", () => {
  sessionStorage.setItem(KEY, at("key").value);
  look();
});
at("ask").addEventListener("submit", write);
at("stop").addEventListener("click", () => running?.abort());
at("save").addEventListener("click", save);
at("again").addEventListener("click", () => replay(finished.events, finished.about));
at("open").addEventListener("change", open);
at("policy").addEventListener("change", () => showScores(at("scores"), finished?.answer ?? begun(), chosen()));
look().then(() => showScores(at("scores"), begun(), chosen()));
