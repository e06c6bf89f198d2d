// A finished answer as a file that can be shown to others, and read again: its events, with the seconds after which they
// came, and no text but what was released.

const FORMAT = "unsay-replay-1";
const UNSAFE = ["flagged", "unguarded"]; // ends of answers in which text was let out that was flagged, or never judged

/** Return why an answer may not be made a replay of; null if it may. */
export function unfit(answer) {
  if (!answer.report) return "the answer has not ended";
  if (answer.report.mode !== "enforce") return `under mode ${answer.report.mode} flagged text is let out`;
  return UNSAFE.includes(answer.report.action) ? "flagged or unjudged text was let out" : null;
}

/** Return what is written of an answer's events to a file. */
export function written(events, about) {
  return JSON.stringify({ format: FORMAT, ...about, events: events.map(withoutDrafts) });
}

function withoutDrafts({ texts, ...event }) {
  return event;
}

/** Return what a file says. An Error in words for a reader if it is no replay. */
export function parsed(text) {
  let read = null;
  try {
    read = JSON.parse(text);
  } catch {
    throw new Error("this file is not JSON");
  }
  const fits = read?.format === FORMAT && Array.isArray(read.events) && read.events.every(isEvent);
  if (!fits) throw new Error(`this file is no replay (${FORMAT})`);
  return { ...read, thresholds: read.thresholds ?? {}, events: read.events.map(withoutDrafts) };
}

function isEvent(event) {
  return typeof event?.event === "string" && typeof event.after === "number" && (event.characters ?? []).every(Number.isInteger);
}

/** Hand out the events of a replay as they came; all at once to who wants no motion. */
export async function play(replay, tell, signal) {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const began = performance.now();
  for (const event of replay.events) {
    const wait = event.after * 1000 - (performance.now() - began);
    if (wait > 0 && !still) await new Promise((resolve) => setTimeout(resolve, wait));
    if (signal.aborted) return;
    tell(event);
  }
}
