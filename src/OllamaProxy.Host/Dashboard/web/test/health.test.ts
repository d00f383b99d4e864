import { describe, expect, it } from 'vitest';
import { degradedText } from '../src/health';

describe('a store that does not work', () => {
  it('is said with its problem and what to do', () => {
    expect(degradedText({ status: 'degraded', store: { state: 'degraded', problem: 'The disk is full.' } })).toBe(
      'Records are kept in memory: The disk is full. Requests are served as usual. Fix the cause: the proxy retries and then writes the records. A restart before that loses them.',
    );
    expect(degradedText({ status: 'degraded', store: { state: 'degraded' } })).toContain('in memory: the store cannot be opened.');
  });
  it.each([null, { status: 'ok' }, { status: 'ok', store: { state: 'ok' } }, { status: 'stopping' }])('is not said of %j', (health) =>
    expect(degradedText(health)).toBeNull(),
  );
});
