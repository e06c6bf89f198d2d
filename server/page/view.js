// Answers as they are seen. Nothing here writes HTML: text goes into text nodes.

const FEW = 40; // cells of one span that are drawn; more of them say nothing more

function made(kind, name, ...inside) {
  const node = document.createElement(kind);
  if (name) node.className = name;
  node.append(...inside);
  return node;
}

function cells(answer, from, to) {
  const nodes = [];
  for (let at = from; at < to; at += 1) {
    const state = at < answer.cleared ? "cleared" : "drafted";
    const text = answer.words[at];
    nodes.push(text === undefined ? made("span", `cell ${state}`) : made("span", `word ${state}`, text));
  }
  return nodes;
}

function struck(span) {
  const told = `[${span.count} token${span.count === 1 ? "" : "s"} taken back: ${span.rung}]`;
  if (span.text !== null) return made("del", "struck", made("span", "unseen", told), made("span", "shown", span.text));
  const bars = Array.from({ length: Math.min(span.count, FEW) }, () => made("span", "bar"));
  return made("del", "struck", made("span", "unseen", told), ...bars);
}

/** Show what stands of an answer, and in its place what was taken back. */
export function show(place, answer) {
  const nodes = [];
  let token = 0;
  let character = 0;
  const upto = (end) => {
    const stop = end < answer.released ? answer.ends[end - 1] ?? 0 : answer.text.length;
    if (stop > character) nodes.push(made("span", "released", answer.text.slice(character, stop)));
    character = Math.max(character, stop);
    nodes.push(...cells(answer, Math.max(token, answer.released), end));
    token = end;
  };
  const spans = [...answer.struck].sort((one, other) => one.at - other.at);
  for (const span of spans) {
    upto(Math.max(token, Math.min(span.at, Math.max(answer.drafted, answer.released))));
    nodes.push(struck(span));
  }
  upto(Math.max(token, answer.drafted, answer.released));
  place.replaceChildren(...nodes);
}

/** Show the scores of the last window as bars, each with the threshold that it is held against. */
export function showScores(place, answer, thresholds) {
  const names = [...new Set([...Object.keys(thresholds), ...Object.keys(answer.scores)])];
  while (place.children.length > names.length) place.lastElementChild.remove();
  names.forEach((name, index) => {
    const row = place.children[index] ?? place.appendChild(bar());
    const [label, track, figure] = row.children;
    const [peak, fill, tick] = track.children;
    const score = answer.scores[name] ?? 0;
    const highest = answer.highest[name] ?? 0;
    const threshold = thresholds[name];
    peak.style.inlineSize = `${Math.round(highest * 100)}%`;
    label.textContent = name.replaceAll("_", " ");
    fill.style.inlineSize = `${Math.round(score * 100)}%`;
    tick.hidden = threshold === undefined;
    tick.style.insetInlineStart = `${Math.round((threshold ?? 1) * 100)}%`;
    row.classList.toggle("over", answer.exceeded.includes(name));
    const limit = threshold === undefined ? "" : ` of ${threshold}`;
    figure.textContent = `${score.toFixed(2)}${limit}${highest > score ? `, was ${highest.toFixed(2)}` : ""}`;
  });
}

function bar() {
  const track = made("span", "track", made("span", "peak"), made("span", "fill"), made("span", "tick"));
  track.setAttribute("aria-hidden", "true");
  return made("li", "", made("span", "name"), track, made("span", "figure"));
}

/** Show in figures what an answer took. */
export function showFigures(answer) {
  const action = answer.report?.action ?? "–";
  const figures = {
    released: answer.tokens,
    rewinds: answer.rewinds,
    waste: answer.waste,
    held: answer.held ? `${answer.held.toFixed(2)} s` : "–",
    action,
  };
  for (const [name, value] of Object.entries(figures)) document.getElementById(name).textContent = value;
}

/** Tell who listens what is new of an answer: whole words of it, and that text was taken back. */
export class Teller {
  constructor(place) {
    this.place = place;
    this.told = 0;
    this.rewinds = 0;
    place.replaceChildren();
  }

  tell(answer) {
    if (answer.rewinds > this.rewinds) this.#say("Text was taken back.");
    this.rewinds = answer.rewinds;
    const end = answer.report ? answer.text.length : answer.text.lastIndexOf(" ");
    if (end - this.told > 80 || (answer.report && end > this.told)) {
      this.#say(answer.text.slice(this.told, end));
      this.told = end;
    }
  }

  #say(words) {
    this.place.append(made("p", "", words));
  }
}
