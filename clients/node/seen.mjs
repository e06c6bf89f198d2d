// What a client shows of the guard, as clients/python/seen.py: every script here ends with `tell()`.

export const URL = process.env.UNSAY_URL;
export const MODEL = process.env.UNSAY_MODEL;
export const PROMPT = "The history of the town begins with";
export const WITHHELD = { "X-Detox-Policy": "withheld" };

const seen = { works: [], report: [], refusal: [] };

// Note that something works: `got` is what came of it, and holds something.
export function works(what, got) {
  if (!got) throw new Error(`${what}: nothing came of it`);
  seen.works.push(what);
}

// Note where the report or a part of it is found, if it is.
export function report(where, found) {
  if (found) seen.report.push(where);
}

// Note how a refusal looks.
export function refusal(how) {
  seen.refusal.push(how);
}

// Say what was seen: the last line of the output.
export function tell() {
  console.log(JSON.stringify(seen));
}
