// promptfoo: an evaluation of one prompt with two providers, an ordinary one and one whose answers are withheld.

import promptfoo from "promptfoo";
import * as seen from "./seen.mjs";
const provider = (label, headers) => ({
  id: `openai:chat:${seen.MODEL}`,
  label,
  config: { apiBaseUrl: `${seen.URL}/v1`, apiKey: "none", max_tokens: 12, headers },
});
const summary = await promptfoo.evaluate(
  { prompts: [seen.PROMPT], providers: [provider("ordinary"), provider("withheld", seen.WITHHELD)], tests: [{ assert: [{ type: "javascript", value: "true" }] }] },
  { cache: false, maxConcurrency: 1 },
);
const { results } = await summary.toEvaluateSummary();
const of = (label) => results.find((result) => result.provider.label === label);
seen.works("eval", of("ordinary").response.output);
seen.report("`response.raw`", of("ordinary").response.raw?.choices?.[0]?.detox);
seen.report("`response.metadata.http.headers['x-detox-action']`", of("ordinary").response.metadata?.http?.headers?.["x-detox-action"]);
const { response } = of("withheld");
seen.refusal(
  `output ${JSON.stringify(response.output)}, \`finishReason: ${response.finishReason}\`, \`guardrails.flagged: ${response.guardrails?.flagged}\`, error ${JSON.stringify(response.error ?? null)}`,
);
seen.tell();
process.exit(0);
