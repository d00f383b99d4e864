import { describe, expect, it } from 'vitest';
import { doing, phasesOf, whySlow } from '../src/phases';
import { record } from './record';

describe('why a request was slow', () => {
  it('names the waiting and the loading, with the cause', () => {
    expect(whySlow(record({ latency: 50, queue_time: 5.1, load_duration: 41, load_cause: 'evicted', decode_time: 2 }))).toBe(
      'It took 50.0 s: waited 5.10 s for a slot in the proxy and spent 41.0 s loading the model (another model had taken its place).');
  });
  it('says what it wrote and read when nothing else was slow', () => {
    expect(whySlow(record({ latency: 10, prompt_eval_duration: 2, input_tokens: 3000, cached_input_tokens: 1000, decode_time: 7.5, output_tokens: 400 }))).toBe(
      'It took 10.0 s: read 2,000 prompt tokens for 2.00 s and wrote 400 tokens for 7.50 s.');
  });
  it('is short about what was fast', () => expect(whySlow(record({ latency: 0.42, decode_time: 0.3 }))).toBe('It took 420 ms.'));
  it('admits what Ollama does not report', () => expect(whySlow(record({ latency: 9 }))).toBe('It took 9.00 s, and Ollama does not say what for.'));
  it('says how it ended when that was not well', () => {
    expect(whySlow(record({ latency: 4, decode_time: 3.5, outcome: 'client_cancelled' }))).toBe('It took 4.00 s: wrote its answer for 3.50 s, until the client left.');
    expect(whySlow(record({ latency: 30, queue_time: 30, outcome: 'rejected' }))).toBe('It took 30.0 s: waited 30.0 s for a slot in the proxy, and was then refused by the proxy.');
  });
  it('leaves out what did not matter', () => expect(whySlow(record({ latency: 100, queue_time: 0.3, decode_time: 95, output_tokens: 1 }))).toBe('It took 1 min 40 s: wrote 1 token for 95.0 s.'));
  it('does not fail on a cause it does not know', () => expect(whySlow(record({ latency: 9, load_duration: 8, load_cause: 'moved_away' }))).toContain('(moved away)'));
});

describe('phases', () => {
  it('stand one behind the other and add up to the whole', () => {
    const phases = phasesOf(record({ latency: 10, queue_time: 1, connect_time: 0, load_duration: 2, engine_wait: 0.5, prompt_eval_duration: 0.5, decode_time: 5 }));
    expect(phases.map((phase) => phase.key)).toEqual(['queue', 'load', 'engine', 'prompt', 'decode', 'rest']);
    expect(phases.map((phase) => phase.start)).toEqual([0, 1, 3, 3.5, 4, 9]);
    expect(phases.reduce((sum, phase) => sum + phase.length, 0)).toBeCloseTo(10);
  });
  it('take a client that is waited for while the answer is written out of the writing', () => {
    const phases = phasesOf(record({ latency: 10, decode_time: 9.5, client_backpressure: 4 }));
    expect(phases.find((phase) => phase.key === 'decode')!.length).toBeCloseTo(6);
    expect(phases.find((phase) => phase.key === 'client')!.length).toBe(4);
  });
  it('are none where nothing is known but a trifle', () => expect(phasesOf(record({ latency: 0 }))).toEqual([]));
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
