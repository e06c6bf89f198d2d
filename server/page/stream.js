// A request, and the stream of its answer: text as it is released, and what the guard does (`detox.trace`).

/** What went wrong, in words for a reader. */
export class Refused extends Error {}

function headers(key) {
  return { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) };
}

async function refusal(answer) {
  const said = await answer.json().catch(() => ({}));
  return new Refused(said.error?.message ?? `the server answered ${answer.status}`);
}

/** Return the JSON at a path of this server. Refused if there is none. */
export async function get(path, key) {
  const answer = await fetch(path, { headers: headers(key) });
  if (!answer.ok) throw await refusal(answer);
  return answer.json();
}

/** Yield what a stream says, in order: `{event, ...}`. Text is the event `text`, with all that came at once. */
export async function* ask(path, body, key, signal) {
  const request = { method: "POST", headers: headers(key), body: JSON.stringify(body), signal };
  const answer = await fetch(path, request);
  if (!answer.ok) throw await refusal(answer);
  yield* read(answer.body.pipeThrough(new TextDecoderStream()));
}

async function* read(stream) {
  let rest = "";
  for await (const part of parts(stream)) {
    const lines = (rest + part).split("\n");
    rest = lines.pop();
    for (const line of lines) yield* said(line.trimEnd());
  }
}

async function* parts(stream) {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function* said(line) {
  if (line.startsWith(": detox ")) {
    yield JSON.parse(line.slice(8));
  } else if (line.startsWith("data: ") && line !== "data: [DONE]") {
    yield* chunk(JSON.parse(line.slice(6)));
  }
}

function* chunk(body) {
  if (body.error) throw new Refused(body.error.message);
  for (const choice of body.choices ?? []) {
    const text = choice.text ?? choice.delta?.content;
    if (text) yield { event: "text", text };
    if (choice.detox) yield { event: "report", report: choice.detox };
  }
}
