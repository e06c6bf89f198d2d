// Vercel's AI SDK over its provider for OpenAI-compatible servers.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText } from "ai";
import * as seen from "./seen.mjs";

const model = (headers) =>
  createOpenAICompatible({ name: "unsay", baseURL: `${seen.URL}/v1`, apiKey: "none", headers })(seen.MODEL);
const ask = { prompt: seen.PROMPT, maxOutputTokens: 12, maxRetries: 0 };

const said = await generateText({ model: model(), ...ask });
seen.works("generateText", said.text);
seen.report("`response.headers['x-detox-action']`", said.response.headers?.["x-detox-action"]);
seen.report("`response.body.choices[0].detox`", said.response.body?.choices?.[0]?.detox);
seen.report("`providerMetadata.unsay.detox`", said.providerMetadata?.unsay?.detox);

const streamed = streamText({ model: model(), ...ask });
let text = "";
for await (const piece of streamed.textStream) text += piece;
seen.works("streamText", text);

const refused = await generateText({ model: model(seen.WITHHELD), ...ask });
seen.refusal(`\`finishReason: ${refused.finishReason}\`, text ${JSON.stringify(refused.text)}`);
const cut = streamText({ model: model(seen.WITHHELD), ...ask });
for await (const _ of cut.textStream);
seen.refusal(`stream: \`finishReason: ${await cut.finishReason}\``);
seen.tell();
