// The official `openai` package.
import OpenAI from "openai";

const messages = [{ role: "user", content: "Hello" }];
const tools = [{
  type: "function",
  function: {
    name: "get_weather",
    description: "Current weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
}];

const at = (url) => new OpenAI({ baseURL: `${url}/v1`, apiKey: "ollama" });

async function collect(stream) {
  const pieces = [];
  for await (const piece of stream) {
    pieces.push(piece);
  }
  return pieces;
}

export const chat = (url, model = "tiny") => at(url).chat.completions.create({ model, messages });

export const chatStream = async (url) => collect(await at(url).chat.completions.create({ model: "tiny", messages, stream: true }));

export const chatStreamWithUsage = async (url) =>
  collect(await at(url).chat.completions.create({ model: "tiny", messages, stream: true, stream_options: { include_usage: true } }));

/** Sends the result of the model's tool call; returns both responses. */
async function converse(ask) {
  const called = await ask(messages);
  const call = called.choices[0].message;
  const told = { role: "tool", tool_call_id: call.tool_calls[0].id, content: "11 degrees" };
  return { called, answered: await ask([...messages, call, told]) };
}

export const toolCall = (url) => converse((said) => at(url).chat.completions.create({ model: "tiny", messages: said, tools }));

/** The same through the client's own stream helper. */
export const toolCallStream = (url) => converse((said) =>
  at(url).chat.completions.stream({ model: "tiny", messages: said, tools, stream_options: { include_usage: true } }).finalChatCompletion());

/** Aborts after two chunks; the client then ends the stream without an error. */
export async function abort(url, model) {
  const stream = await at(url).chat.completions.create({ model, messages, stream: true });
  let pieces = 0;
  for await (const _ of stream) {
    if (++pieces === 2) {
      stream.controller.abort();
    }
  }
  return pieces;
}

export const responses = (url) => at(url).responses.create({ model: "tiny", input: "Hello" });

export const responsesStream = async (url) => collect(await at(url).responses.create({ model: "tiny", input: "Hello", stream: true }));

const flatTools = tools.map(({ type, function: described }) => ({ type, ...described, strict: null }));

async function respond(ask) {
  const input = [{ role: "user", content: "Hello" }];
  const called = await ask(input);
  const call = called.output[0];
  return { called, answered: await ask([...input, call, { type: "function_call_output", call_id: call.call_id, output: "11 degrees" }]) };
}

export const responsesToolCall = (url) => respond((input) => at(url).responses.create({ model: "tiny", input, tools: flatTools }));

export const responsesToolCallStream = (url) => respond((input) => at(url).responses.stream({ model: "tiny", input, tools: flatTools }).finalResponse());

export const completion = (url) => at(url).completions.create({ model: "tiny", prompt: "Explain foxes" });

export const completionStream = async (url) => collect(await at(url).completions.create({ model: "tiny", prompt: "Explain foxes", stream: true }));

export const embed = (url) => at(url).embeddings.create({ model: "tiny-embed", input: ["one", "two"] });

export const models = async (url) => collect(await at(url).models.list());
