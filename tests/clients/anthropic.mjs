// The official `@anthropic-ai/sdk` package.
import Anthropic from "@anthropic-ai/sdk";

const messages = [{ role: "user", content: "Hello" }];
const tools = [{
  name: "get_weather",
  description: "Current weather of a city",
  input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
}];
const max_tokens = 100;

const at = (url) => new Anthropic({ baseURL: url, apiKey: "ollama" });

export const message = (url, model = "tiny") => at(url).messages.create({ model, max_tokens, messages });

/** The streamed text, and the final message as the client assembled it. */
export async function stream(url) {
  const pieces = [];
  const running = at(url).messages.stream({ model: "tiny", max_tokens, messages }).on("text", (piece) => pieces.push(piece));
  return { final: await running.finalMessage(), pieces };
}

/** Sends the result of the model's tool call; returns both responses. */
async function converse(ask) {
  const called = await ask(messages);
  const call = called.content.find((block) => block.type === "tool_use");
  const told = { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "11 degrees" }] };
  return { called, answered: await ask([...messages, { role: "assistant", content: called.content }, told]) };
}

export const toolCall = (url) => converse((said) => at(url).messages.create({ model: "tiny", max_tokens, messages: said, tools }));

export const toolCallStream = (url) => converse((said) => at(url).messages.stream({ model: "tiny", max_tokens, messages: said, tools }).finalMessage());

/** Aborts at the second text event; the client then throws APIUserAbortError. */
export async function abort(url, model) {
  let pieces = 0;
  const running = at(url).messages.stream({ model, max_tokens, messages });
  running.on("text", () => {
    if (++pieces === 2) {
      running.abort();
    }
  });
  await running.done();
  return pieces;
}
