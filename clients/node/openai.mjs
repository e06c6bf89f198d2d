// OpenAI's Node client.

import OpenAI, { AzureOpenAI } from "openai";
import * as seen from "./seen.mjs";

const client = new OpenAI({ baseURL: `${seen.URL}/v1`, apiKey: "none", maxRetries: 0 });
const ask = { model: seen.MODEL, messages: [{ role: "user", content: seen.PROMPT }], max_tokens: 12 };
const moderation = { model: "omni-moderation-latest" };

const { data, response } = await client.chat.completions.create(ask).withResponse();
seen.works("chat", data.choices[0].message.content);
seen.report("`choice.detox`", data.choices[0].detox);
seen.report("`withResponse()`: `headers.get('x-detox-action')`", response.headers.get("x-detox-action"));

const chunks = [];
for await (const chunk of await client.chat.completions.create({ ...ask, stream: true, moderation })) chunks.push(chunk);
seen.works("stream", chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join(""));
seen.report("last chunk of a choice", chunks.find((chunk) => chunk.choices[0]?.finish_reason).choices[0].detox);
seen.works("`moderation` in a stream", chunks.at(-1).moderation);

const answer = await client.responses.create({ model: seen.MODEL, input: seen.PROMPT, max_output_tokens: 12, moderation });
seen.works("responses", answer.output_text);
seen.report("`response.detox`", answer.detox);
seen.report("`response.moderation`", answer.moderation);
seen.works("`models.retrieve`", (await client.models.retrieve(seen.MODEL)).id);

const azure = new AzureOpenAI({ endpoint: seen.URL, apiKey: "none", apiVersion: "2024-10-21", deployment: seen.MODEL });
seen.works("AzureOpenAI", (await azure.chat.completions.create(ask)).choices[0].content_filter_results);

const refused = (await client.chat.completions.create(ask, { headers: seen.WITHHELD })).choices[0];
seen.refusal(`\`finish_reason: ${refused.finish_reason}\`, content ${JSON.stringify(refused.message.content)}`);
seen.tell();
