// The official `ollama` package.
import { Ollama } from "ollama";

const messages = [{ role: "user", content: "Hello" }];
const at = (host) => new Ollama({ host });

async function collect(stream) {
  const pieces = [];
  for await (const piece of stream) {
    pieces.push(piece);
  }
  return pieces;
}

export const generate = (url) => at(url).generate({ model: "tiny", prompt: "Explain foxes" });

export const generateStream = async (url) => collect(await at(url).generate({ model: "tiny", prompt: "Explain foxes", stream: true }));

export const chat = (url) => at(url).chat({ model: "tiny", messages });

export const chatStream = async (url) => collect(await at(url).chat({ model: "tiny", messages, stream: true }));

/** Aborts after two chunks; the client then throws AbortError. */
export async function abort(url, model) {
  const stream = await at(url).chat({ model, messages, stream: true });
  let pieces = 0;
  for await (const _ of stream) {
    if (++pieces === 2) {
      stream.abort();
    }
  }
  return pieces;
}

export const embed = (url) => at(url).embed({ model: "tiny-embed", input: ["one", "two"] });

export const list = (url) => at(url).list();

export const show = (url) => at(url).show({ model: "tiny" });

export const ps = (url) => at(url).ps();

export const version = (url) => at(url).version();

export const pull = async (url) => collect(await at(url).pull({ model: "phi4", stream: true }));

export const unknownModel = (url) => at(url).generate({ model: "nobody", prompt: "Hello" });
