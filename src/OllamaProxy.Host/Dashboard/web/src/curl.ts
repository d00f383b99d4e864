import type { RequestRecord } from './api';

/** A text as one word for a POSIX shell. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * The request again as a command. Made from what was recorded: earlier messages of a conversation, tools and images are not in it, and a prompt that was cut is cut.
 * @param origin Where the proxy is: "http://localhost:11434", or with the prefix it is under.
 */
export function curlOf(record: RequestRecord, origin: string): string {
  const target = (record.target ?? '/').split(/[?#]/)[0]!;
  const url = quote(origin.replace(/\/$/, '') + (target.startsWith('/') ? target : `/${target}`));
  const body = bodyOf(record);
  if (body === null) {
    return record.method === 'GET' ? `curl ${url}` : `curl -X ${quote(record.method)} ${url}`;
  }
  return `curl ${url} \\\n  -H 'Content-Type: application/json' \\\n  -d ${quote(JSON.stringify(body))}`;
}

function bodyOf(record: RequestRecord): object | null {
  if (record.method !== 'POST') {
    return null;
  }
  const model = record.model_name === null ? {} : { model: record.model_name };
  const stream = record.stream === null ? {} : { stream: record.stream };
  const prompt = record.prompt ?? '';
  const native = {
    ...(record.num_ctx === null ? {} : { num_ctx: record.num_ctx }),
    ...(record.max_tokens === null ? {} : { num_predict: record.max_tokens }),
    ...(record.temperature === null ? {} : { temperature: record.temperature }),
  };
  const options = Object.keys(native).length ? { options: native } : {};
  const keepAlive = record.keep_alive === null ? {} : { keep_alive: /^-?\d+(\.\d+)?$/.test(record.keep_alive) ? Number(record.keep_alive) : record.keep_alive };
  const system = record.system === null ? [] : [{ role: 'system', content: record.system }];
  const messages = [...system, { role: 'user', content: prompt }];
  const limits = {
    ...(record.max_tokens === null ? {} : { max_tokens: record.max_tokens }),
    ...(record.temperature === null ? {} : { temperature: record.temperature }),
  };
  switch (record.endpoint) {
    case 'generate':
      return { ...model, prompt, ...(record.system === null ? {} : { system: record.system }), ...stream, ...options, ...keepAlive };
    case 'chat':
      return { ...model, messages, ...stream, ...options, ...keepAlive };
    case 'embed':
    case 'v1/embeddings':
      return { ...model, input: prompt };
    case 'embeddings':
      return { ...model, prompt };
    case 'v1/chat/completions':
      return { ...model, messages, ...stream, ...limits };
    case 'v1/completions':
      return { ...model, prompt, ...stream, ...limits };
    case 'v1/responses':
      return { ...model, input: prompt, ...(record.system === null ? {} : { instructions: record.system }), ...stream };
    case 'v1/messages':
      return {
        ...model,
        ...(record.system === null ? {} : { system: record.system }),
        messages: [{ role: 'user', content: prompt }],
        ...stream,
        max_tokens: record.max_tokens ?? 1024,
        ...(record.temperature === null ? {} : { temperature: record.temperature }),
      };
    default:
      return model;
  }
}
