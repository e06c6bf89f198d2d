// What has become of one answer so far: a fold over the events of its stream (docs/api.md, "Watching an answer").
//
// Tokens are counted from the first one of the answer. Of tokens that are not released the text is known only to a key
// with `flagged_text`; of all others there is their number alone.

/** Return an answer of which nothing is known yet. */
export function begun() {
  return {
    text: "", // what was released
    ends: [], // of each released token, the length of the text after it
    released: 0,
    tokens: 0, // that were released, as far as is known
    cleared: 0,
    drafted: 0,
    words: [], // of each drafted token its text, where it may be seen
    struck: [], // what was taken back: {at, count, rung, text}
    scores: {}, // of the last window
    highest: {}, // of any window, whatever became of it
    exceeded: [],
    attempt: 0,
    rewinds: 0,
    waste: 0,
    held: 0,
    report: null,
  };
}

/** Change an answer by one event of its stream; one that is not known changes nothing. */
export function tell(answer, event) {
  if (Object.hasOwn(changes, event.event)) changes[event.event](answer, event);
}

const changes = {
  text(answer, { text }) {
    answer.text += text;
  },
  drafted(answer, event) {
    answer.words.length = Math.min(answer.words.length, event.from);
    if (event.texts) answer.words.push(...event.texts);
    answer.drafted = event.to;
  },
  inserted(answer, event) {
    changes.drafted(answer, event);
  },
  scored(answer, event) {
    for (const [name, score] of Object.entries(event.scores)) {
      answer.highest[name] = Math.max(score, answer.highest[name] ?? 0);
    }
    if (event.attempt !== answer.attempt) return; // of a text that is gone
    if (event.verdict !== "failed") answer.scores = event.scores;
    answer.exceeded = event.exceeded ?? [];
  },
  cleared(answer, { to }) {
    answer.cleared = to;
  },
  released(answer, event) {
    event.characters.forEach((length, index) => {
      const at = event.from + index;
      answer.ends[at] = (answer.ends[at - 1] ?? 0) + length;
    });
    answer.released = event.to;
    answer.tokens = event.to;
    answer.held = Math.max(answer.held, event.held ?? 0);
  },
  rewind(answer, { from, to, rung }) {
    const text = answer.words.length ? answer.words.slice(to, from).join("") : null;
    answer.struck.push({ at: to, count: from - to, rung, text });
    answer.words.length = Math.min(answer.words.length, to);
    answer.drafted = to;
    answer.cleared = Math.min(answer.cleared, to);
    answer.rewinds += 1;
    answer.attempt += 1;
  },
  waste(answer, { tokens }) {
    answer.waste += tokens;
  },
  report(answer, { report }) {
    answer.report = report;
    answer.tokens = report.tokens_generated - report.tokens_discarded;
    answer.rewinds = report.rewinds;
    answer.waste = report.tokens_discarded;
  },
  end(answer, event) {
    changes.report(answer, event);
    answer.drafted = answer.released; // what was held to the end is gone
  },
};
