/** A request as a conversation: who said what, in which order, and why something is missing. */
import type { RequestRecord } from './api';
import { endingWord } from './endings';
import { plural } from './format';

export type Role = 'system' | 'user' | 'thinking' | 'tool' | 'assistant';

export interface Turn {
  role: Role;
  name: string;
  /** Null where there is none; then the note says why. */
  text: string | null;
  note: string | null;
  /** What a tool is called with, on one line. */
  summary?: string;
}

/** Empty for a call that has no conversation, such as a list of the models. */
export function turnsOf(record: RequestRecord): Turn[] {
  const turns: Turn[] = [];
  const add = (role: Role, name: string, text: string | null, note: string | null = null, summary?: string) =>
    turns.push({ role, name, text, note, ...(summary === undefined ? {} : { summary }) });
  const calls = callsOf(record);
  if (!record.is_inference && !record.prompt && !record.response) {
    return [];
  }
  if (record.system !== null) {
    add('system', 'System', record.system || null, record.system ? null : 'empty');
  }
  add('user', isEmbedding(record) ? 'Input' : 'User', record.prompt || null, promptNote(record));
  if (record.thinking) {
    add('thinking', 'Thinking', record.thinking);
  }
  for (const call of calls) {
    add('tool', 'Tool call', call.text, call.text === null ? 'not stored' : null, call.summary);
  }
  add('assistant', 'Assistant', record.response || null, record.response ? null : whyNoAnswer(record, calls.length));
  return turns;
}

function promptNote(record: RequestRecord): string | null {
  const notes = [
    record.prompt ? null : record.prompt === '' ? 'empty' : record.image_count ? null : 'not stored',
    (record.message_count ?? 0) > 1 ? `the last of ${plural(record.message_count!, 'message')}` : null,
    record.image_count ? `${plural(record.image_count, 'image')}, not stored` : null,
    record.tool_count ? `${plural(record.tool_count, 'tool')} offered` : null,
  ].filter((note) => note !== null);
  return notes.length > 0 ? notes.join(' · ') : null;
}

function isEmbedding({ endpoint }: RequestRecord): boolean {
  return endpoint.endsWith('embed') || endpoint.endsWith('embeddings');
}

function whyNoAnswer(record: RequestRecord, calls: number): string {
  if (record.outcome !== 'completed') {
    return `no text: ${endingWord(record)}`;
  }
  if (calls > 0) {
    return `no text: the model answered with ${calls === 1 ? 'the tool call' : `the ${calls} tool calls`} above`;
  }
  if (isEmbedding(record)) {
    return 'no text: embeddings are numbers, and are not stored';
  }
  if (record.thinking) {
    return record.finish_reason === 'length' ? 'no text: the token limit was reached while the model was thinking' : 'no text after the thinking';
  }
  return record.response === '' || record.output_tokens === 0 ? 'empty' : 'not stored (ANALYTICS_CAPTURE)';
}

interface Call {
  text: string | null;
  summary: string;
}

/** A list that was cut when it was stored is no JSON: it is shown as it is. */
function callsOf(record: RequestRecord): Call[] {
  if (!record.tool_calls) {
    return Array.from({ length: record.tool_call_count ?? 0 }, () => ({ text: null, summary: '' }));
  }
  try {
    const calls: unknown = JSON.parse(record.tool_calls);
    if (Array.isArray(calls)) {
      return calls.map(callOf);
    }
  } catch {
    // Below.
  }
  return [{ text: record.tool_calls, summary: '' }];
}

function callOf(call: unknown): Call {
  const { name, arguments: given } = (typeof call === 'object' && call !== null ? call : {}) as { name?: unknown; arguments?: unknown };
  if (name === undefined) {
    return { text: JSON.stringify(call, null, 2), summary: '' };
  }
  const values = typeof given === 'string' ? parsed(given) : given;
  return { text: typeof values === 'string' ? values : JSON.stringify(values ?? {}, null, 2), summary: `${String(name)}(${argumentsOf(values)})` };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function argumentsOf(values: unknown): string {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    return values === undefined || values === null ? '' : JSON.stringify(values);
  }
  return Object.entries(values)
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join(', ');
}
