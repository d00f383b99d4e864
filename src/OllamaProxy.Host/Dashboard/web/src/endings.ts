/** How a request ended: a word for tables, a sentence, and what it means. Each outcome and each type of error has all three. */
import type { RequestRecord } from './api';
import { plural, words as say } from './format';

interface Ending {
  word: string;
  /** The beginning of a sentence about a request that took so long and got so far. */
  lead: (time: string, progress: string) => string;
  meaning: string;
}

/** Outcomes that say enough by themselves. */
const byOutcome: Record<string, Ending> = {
  client_cancelled: {
    word: 'cancelled',
    lead: (time, progress) => `The client disconnected after ${time}${progress}`,
    meaning: 'The client closed the connection before the answer was complete. Ollama did not fail.',
  },
  incomplete: {
    word: 'incomplete',
    lead: (time, progress) => `Ollama’s answer ended without its last line after ${time}${progress}`,
    meaning:
      'Ollama’s answer ended without its last line: Ollama or its runner stopped, or the connection broke. The text may be cut, and Ollama’s own numbers are missing.',
  },
  upstream_unreachable: {
    word: 'unreachable',
    lead: (time) => `Ollama could not be reached, and the request failed after ${time}`,
    meaning: 'Ollama refused the connection, or closed it without an answer. Check that it runs: ollama-proxy doctor.',
  },
  proxy_stopped: {
    word: 'proxy stopped',
    lead: (time, progress) => `The proxy was stopped after ${time}${progress}`,
    meaning: 'The proxy was stopped before the answer was complete.',
  },
};

/** What went wrong where Ollama, or the proxy in its place, answered with an error. */
const byErrorType: Record<string, Ending> = {
  mid_stream: {
    word: 'error in answer',
    lead: (time, progress) => `Ollama reported an error after ${time}${progress}`,
    meaning: 'The answer had begun with status 200 before Ollama reported the error in it.',
  },
  model_not_found: {
    word: 'model not found',
    lead: (time) => `Ollama answered after ${time} that it does not have the model`,
    meaning: 'Ollama has no model with this name. Correct the name, or run ollama pull.',
  },
  not_found: {
    word: 'not found',
    lead: (time) => `Ollama answered after ${time} that it does not know this path`,
    meaning: 'This version of Ollama has no such path, or the resource does not exist.',
  },
  bad_request: {
    word: 'bad request',
    lead: (time) => `Ollama refused the request as invalid after ${time}`,
    meaning: 'Ollama could not accept the request as it was sent.',
  },
  forbidden: {
    word: 'forbidden',
    lead: (time) => `Ollama refused access after ${time}`,
    meaning: 'Ollama refused the Host or Origin of the request (OLLAMA_ORIGINS), or a cloud model needs a login (ollama signin).',
  },
  rate_limited: {
    word: 'rate limited',
    lead: (time) => `Ollama refused the request after ${time}, because there were too many`,
    meaning: 'A limit on the number of requests was reached. Try again later.',
  },
  busy: {
    word: 'busy',
    lead: (time) => `Ollama refused the request after ${time}, because its own queue was full`,
    meaning: 'Ollama’s own queue was full (OLLAMA_MAX_QUEUE). A lower MAX_CONCURRENT_REQUESTS makes requests queue in the proxy instead.',
  },
  context_overflow: {
    word: 'context overflow',
    lead: (time) => `Ollama refused the request after ${time}, because the prompt did not fit the context`,
    meaning: 'The prompt is longer than the context. Shorten it, or raise num_ctx.',
  },
  out_of_memory: {
    word: 'out of memory',
    lead: (time, progress) => `Ollama gave up after ${time}${progress}, because the model did not fit the memory`,
    meaning: 'The model did not fit the memory. A smaller model, a smaller num_ctx or fewer loaded models help.',
  },
  upstream_error: {
    word: 'Ollama error',
    lead: (time) => `Ollama failed after ${time}`,
    meaning: 'Ollama answered with an error status. Its log may have the reason.',
  },
  queue_full: {
    word: 'queue full',
    lead: (time) => `The proxy refused the request after ${time}, because its queue was full`,
    meaning: 'The queue of the proxy was full (MAX_QUEUED_REQUESTS), so Ollama never saw this request.',
  },
  queue_timeout: {
    word: 'queue timeout',
    lead: (time) => `The proxy refused the request after ${time} in the queue`,
    meaning: 'No slot became free in time (QUEUE_TIMEOUT_SECONDS), so Ollama never saw this request.',
  },
  body_stalled: {
    word: 'body stalled',
    lead: (time) => `The proxy gave up after ${time}, because the client stopped sending its request`,
    meaning: 'The client stopped sending the body while other requests were queued for its slot.',
  },
  proxy_fault: {
    word: 'proxy fault',
    lead: (time) => `The proxy failed after ${time}`,
    meaning: 'This is a fault of the proxy itself. Please report the exception in its log.',
  },
};

/** The word of an error type that no single request is at hand for. */
export function errorWord(type: string | null): string {
  return type === null ? 'unknown' : ((byErrorType[type] ?? byOutcome[type])?.word ?? say(type));
}

/** The words of outcomes that are not those of the API. */
const outcomeWords: Record<string, string> = { completed: 'ok', upstream_error: 'Ollama error' };

export function outcomeWord(outcome: string): string {
  return byOutcome[outcome]?.word ?? outcomeWords[outcome] ?? say(outcome);
}

/** How it ended; null when it ended well. */
function endingOf(record: RequestRecord): Ending | null {
  if (record.outcome === 'completed') {
    return null;
  }
  const known = byOutcome[record.outcome] ?? (record.error_type === null ? undefined : (byErrorType[record.error_type] ?? byOutcome[record.error_type]));
  if (known) {
    return known;
  }
  const who = record.outcome === 'rejected' ? 'The proxy refused the request' : 'The request failed';
  const word = record.error_type === null ? outcomeWord(record.outcome) : say(record.error_type);
  return {
    word,
    lead: (time) => `${who} after ${time} (${word})`,
    meaning: record.outcome === 'rejected' ? 'Ollama never saw this request.' : 'The reason is unknown.',
  };
}

/** One or two words: "ok", "cancelled", "model not found". */
export function endingWord(record: RequestRecord): string {
  return endingOf(record)?.word ?? outcomeWord(record.outcome);
}

/** What an ending that was not good means, in one or two sentences. */
export function endingMeaning(record: RequestRecord): string | null {
  return endingOf(record)?.meaning ?? null;
}

/** The beginning of a sentence: how long it took and how it ended, without a full stop. */
export function endingLead(record: RequestRecord, time: string): string {
  return endingOf(record)?.lead(time, progress(record)) ?? `It took ${time}`;
}

/** True when Ollama was never asked: the request ended in the proxy's queue, or was refused at once. */
export function isUnsent(record: RequestRecord): boolean {
  return (
    record.outcome === 'rejected' ||
    (record.outcome !== 'completed' && record.connect_time === null && record.time_to_headers === null && (record.queue_time ?? 0) > 0)
  );
}

/** How far a request got that ended early. */
function progress(record: RequestRecord): string {
  if (record.output_tokens) {
    return `, ${record.tokens_estimated ? 'about ' : ''}${plural(record.output_tokens, 'token')} into the answer`;
  }
  if (isUnsent(record)) {
    return ', while it was queued';
  }
  if (record.time_to_first_token !== null) {
    return ', after the first token';
  }
  if (record.time_to_headers === null) {
    return ', before the answer began';
  }
  return record.stream && record.is_inference ? ', before the first token' : ', before the answer was complete';
}
