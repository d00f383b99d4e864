import { describe, expect, it } from 'vitest';
import type { RequestRecord } from '../src/api';
import { doing, isTrifle, phasesOf, whySlow } from '../src/phases';
import { record } from './record';

/** Phases as text, checked: each begins where the one before ends, and together they are the whole request. */
function drawn(known: Partial<RequestRecord>): [string, number, number][] {
  const of = record(known);
  const phases = phasesOf(of);
  let at = 0;
  for (const phase of phases) {
    expect(phase.start).toBeCloseTo(at, 9);
    expect(phase.length).toBeGreaterThan(0);
    at += phase.length;
  }
  expect(at).toBeCloseTo(of.latency, 9);
  return phases.filter((phase) => !isTrifle(phase, of.latency)).map((phase) => [phase.key, Math.round(phase.start * 1000), Math.round(phase.length * 1000)]);
}

const stream = { endpoint: 'v1/chat/completions', queue_time: 0, connect_time: 0, time_to_headers: 0.1 };

describe('phases', () => {
  it('of an answer whose phases Ollama reports stand in the order in which they happened', () =>
    expect(
      drawn({
        latency: 10,
        queue_time: 1,
        connect_time: 0.5,
        load_duration: 2,
        engine_wait: 0.5,
        prompt_eval_duration: 0.5,
        eval_duration: 5,
        decode_time: 5,
        time_to_first_token: 4.9,
      }),
    ).toEqual([
      ['queue', 0, 1000],
      ['connect', 1000, 500],
      ['rest', 1500, 400],
      ['load', 1900, 2000],
      ['engine', 3900, 500],
      ['prompt', 4400, 500],
      ['decode', 4900, 5000],
      ['tail', 9900, 100],
    ]));
  it('of an answer in one piece that Ollama reports have the unknown before', () =>
    expect(drawn({ latency: 10, stream: false, queue_time: 1, load_duration: 2, eval_duration: 6, decode_time: 6 })).toEqual([
      ['queue', 0, 1000],
      ['rest', 1000, 1000],
      ['load', 2000, 2000],
      ['decode', 4000, 6000],
    ]));
  it('of a /v1 stream have the unknown between sending and the first token, and writing begins at it', () =>
    expect(drawn({ ...stream, latency: 8.9, queue_time: 6.26, time_to_first_token: 8.37, decode_time: 0.53 })).toEqual([
      ['queue', 0, 6260],
      ['first', 6260, 2110],
      ['decode', 8370, 530],
    ]));
  it('of a cut stream end with the silence after its last token', () =>
    expect(drawn({ ...stream, endpoint: 'generate', outcome: 'incomplete', latency: 20, time_to_first_token: 2, decode_time: 8 })).toEqual([
      ['first', 0, 2000],
      ['decode', 2000, 8000],
      ['tail', 10_000, 10_000],
    ]));
  it('of a stream that was cancelled after one token have what came after it', () =>
    expect(drawn({ ...stream, outcome: 'client_cancelled', latency: 3, time_to_first_token: 1, output_tokens: 1 })).toEqual([
      ['first', 0, 1000],
      ['tail', 1000, 2000],
    ]));
  it('of a request that was cancelled in the queue are all queue', () => {
    expect(drawn({ latency: 5.1, queue_time: 5.1, outcome: 'client_cancelled' })).toEqual([['queue', 0, 5100]]);
    expect(drawn({ latency: 5.1, queue_time: 4.9, outcome: 'client_cancelled' })).toEqual([['queue', 0, 5100]]);
    expect(drawn({ latency: 5.1, queue_time: 4.9, outcome: 'proxy_stopped' })).toEqual([['queue', 0, 5100]]);
  });
  it('of a refused request are all queue', () => {
    expect(drawn({ latency: 0.002, queue_time: 0, outcome: 'rejected', error_type: 'queue_full' })).toEqual([['queue', 0, 2]]);
    expect(drawn({ latency: 30.01, queue_time: 30, outcome: 'rejected', error_type: 'queue_timeout' })).toEqual([['queue', 0, 30_010]]);
  });
  it('without a first token run as waiting to the end', () => {
    expect(drawn({ ...stream, stream: false, latency: 4, queue_time: 1 })).toEqual([
      ['queue', 0, 1000],
      ['wait', 1000, 3000],
    ]);
    expect(drawn({ ...stream, outcome: 'client_cancelled', latency: 4, queue_time: 1, time_to_headers: null })).toEqual([
      ['queue', 0, 1000],
      ['wait', 1000, 3000],
    ]);
    expect(drawn({ ...stream, endpoint: 'embed', stream: false, latency: 4, load_duration: 3, total_duration: 4 })).toEqual([
      ['load', 0, 3000],
      ['wait', 3000, 1000],
    ]);
    expect(drawn({ ...stream, outcome: 'upstream_unreachable', latency: 2, time_to_headers: null })).toEqual([['wait', 0, 2000]]);
  });
  it('of a record of another program have the writing from the first token on', () =>
    expect(drawn({ endpoint: 'chat', latency: 10, load_duration: 2, total_duration: 10, time_to_first_token: 3, output_tokens: 80 })).toEqual([
      ['load', 0, 2000],
      ['first', 2000, 1000],
      ['decode', 3000, 7000],
    ]));
  it('take a client that is waited for while the answer is written out of the writing', () =>
    expect(drawn({ latency: 10, time_to_first_token: 0.5, decode_time: 9.5, client_backpressure: 4 })).toEqual([
      ['first', 0, 500],
      ['decode', 500, 5500],
      ['client', 6000, 4000],
    ]));
  it('are never longer than the request, whatever Ollama reports', () =>
    expect(drawn({ latency: 2, load_duration: 1, prompt_eval_duration: 5, decode_time: 3, eval_duration: 3, time_to_first_token: 9 })).toEqual([
      ['load', 0, 1000],
      ['prompt', 1000, 1000],
    ]));
  it('are none where there was no time', () => expect(phasesOf(record({ latency: 0 }))).toEqual([]));
});

describe('why a request was slow', () => {
  it.each<[string, Partial<RequestRecord>]>([
    [
      'It took 50.0 s: queued 5.10 s, spent 41.0 s loading the model (evicted by another model).',
      { latency: 50, queue_time: 5.1, load_duration: 41, load_cause: 'evicted', decode_time: 2 },
    ],
    ['It took 9.00 s: spent 8.00 s loading the model (moved away), waited 1.00 s for Ollama.', { latency: 9, load_duration: 8, load_cause: 'moved_away' }],
    [
      'It took 10.0 s: read 2,000 prompt tokens in 2.00 s, wrote 400 tokens in 7.50 s.',
      { latency: 10, prompt_eval_duration: 2, input_tokens: 3000, cached_input_tokens: 1000, decode_time: 7.5, output_tokens: 400 },
    ],
    ['It took 1 min 40 s: wrote 1 token in 95.0 s.', { latency: 100, queue_time: 0.3, decode_time: 95, output_tokens: 1, load_duration: 0.1 }],
    ['It took 9.00 s: queued 6.30 s, first token after 2.10 s more.', { ...stream, latency: 9, queue_time: 6.3, time_to_first_token: 8.4, decode_time: 0.6 }],
    ['It took 9.00 s: first token after 8.40 s.', { ...stream, latency: 9, time_to_first_token: 8.4, decode_time: 0.6 }],
    [
      'It took 9.00 s: first token after 1.00 s, wrote about 93 tokens in 8.00 s.',
      { ...stream, latency: 9, time_to_first_token: 1, decode_time: 8, output_tokens: 93, tokens_estimated: true },
    ],
    ['It took 9.00 s: waited 9.00 s for Ollama, which reports no details of this answer.', { ...stream, stream: false, latency: 9 }],
    [
      'It took 9.00 s: needed 4.00 s to reach Ollama, queued 2.00 s inside Ollama, waited 3.00 s for the client to read the answer.',
      { latency: 9, connect_time: 4, engine_wait: 2, total_duration: 2, client_backpressure: 3, eval_duration: 0.001 },
    ],
    ['It took 420 ms.', { latency: 0.42, decode_time: 0.3 }],
    ['It took 800 ms: queued 500 ms.', { ...stream, latency: 0.8, queue_time: 0.5, time_to_first_token: 0.55, decode_time: 0.2 }],
  ])('%s', (sentence, known) => expect(whySlow(record(known))).toBe(sentence));
});

describe('what a running request does', () => {
  it.each([
    ['queued', 'a', [], 'queued'],
    ['waiting', 'a', [], 'loading'],
    ['waiting', 'a', [{ name: 'a' }], 'reading'],
    ['waiting', 'a', null, 'reading'],
    ['waiting', null, [], 'reading'],
    ['writing', 'a', [], 'writing'],
    ['something_new', 'a', [], 'other'],
  ] as const)('%s with the model %s', (phase, model, loaded, key) => expect(doing(phase, model, loaded).key).toBe(key));
});
