import { describe, expect, it } from 'vitest';
import { baseOf, query } from '../src/api';
import { apiFilters, apiPeriod, isCostly, periodBefore, periodOf, rangeOf, splitOf, stepOf } from '../src/filters';
import { change, format, parse } from '../src/route';

describe('the address', () => {
  it('comes back from its text', () => {
    const words = { range: '7d', model: 'a/b:c&d=é', search: '100 % #1 "x"' };
    expect(parse(format('requests', words))).toEqual({ view: 'requests', id: null, words });
  });
  it.each(['0192f0c1a2b37123892a5d0c8e1f4b6a', '0192F0C1-A2B3-7123-892A-5D0C8E1F4B6A', '42', '9007199254740993'])('names one request: %s', (id) => {
    expect(format('request', { model: 'x' }, id)).toBe(`#/requests/${id}?model=x`);
    expect(parse(`#/requests/${id}?model=x`)).toEqual({ view: 'request', id, words: { model: 'x' } });
  });
  it.each(['x', '..', '0192f0c1a2b37123892a5d0c8e1f4b6', '-1'])('names no request: %s', (id) => expect(parse(`#/requests/${id}`).view).toBe('requests'));
  it.each(['', '#', '#/', '#/nowhere', '#nonsense', '#/overview/'])('is the overview where it says nothing else: "%s"', (hash) =>
    expect(parse(hash).view).toBe('overview'),
  );
  it('loses a word that is taken away', () => expect(change({ a: '1', b: '2' }, { a: null, b: '', c: '3' })).toEqual({ c: '3' }));
  it('finds the API under any prefix', () => {
    expect(baseOf('/analytics')).toBe('/analytics/');
    expect(baseOf('/analytics/')).toBe('/analytics/');
    expect(baseOf('/tools/ollama/analytics')).toBe('/tools/ollama/analytics/');
    expect(baseOf('/analytics/analytics/')).toBe('/analytics/analytics/');
  });
});

describe('periods', () => {
  const now = 1_000_000;
  it('end now unless they say otherwise', () => {
    expect(periodOf({ range: '1h' }, now)).toEqual({ from: now - 3600, to: null });
    expect(periodOf({}, now)).toEqual({ from: now - 86_400, to: null });
    expect(periodOf({ range: 'all' }, now)).toEqual({ from: null, to: null });
    expect(periodOf({ range: 'custom', from: '5', to: '9' }, now)).toEqual({ from: 5, to: 9 });
  });
  it('that are not understood are the last day', () => {
    expect(rangeOf({ range: 'soon' })).toBe('24h');
    expect(rangeOf({ range: 'custom' })).toBe('24h');
    expect(rangeOf({ range: 'custom', from: 'x' })).toBe('24h');
  });
  it('have one of the same length before them that does not overlap', () => {
    expect(periodBefore({ from: 100, to: 150 }, now)).toEqual({ from: 50, to: 99.999999 });
    expect(periodBefore({ from: null, to: 150 }, now)).toBeNull();
    expect(apiPeriod({ from: 50, to: 99.999999 })).toEqual({ start_time: '50', end_time: '99.999999' });
  });
  it.each([
    [600, 60],
    [3600, 60],
    [86_400, 3600],
    [604_800, 3600],
    [86_400 * 30, 21_600],
    [86_400 * 365, 604_800],
  ])('of %d s have steps of %d s', (length, step) => expect(stepOf(length)).toBe(step));
});

describe('filters', () => {
  it('ask for calls that run a model unless others are wanted', () => {
    expect(apiFilters({ model: 'x' })).toEqual({ model: 'x', inference: 'true' });
    expect(apiFilters({ kind: 'all' })).toEqual({});
    expect(apiFilters({ kind: 'other' })).toEqual({ inference: 'false' });
    expect(apiFilters({ endpoint: 'tags' })).toEqual({ endpoint: 'tags' });
  });
  it('select proxies and backends', () => {
    expect(apiFilters({ proxy: 'a', backend: 'b', split: 'proxy', kind: 'all' })).toEqual({ proxy: 'a', backend: 'b' });
    expect([{ split: 'backend' }, { split: 'client' }, {}].map(splitOf)).toEqual(['backend', 'model', 'model']);
  });
  it('pass on nothing they do not know', () => expect(apiFilters({ evil: '1', range: '1h', kind: 'all' })).toEqual({}));
  it('know what is costly', () => {
    expect(isCostly({ model: 'x', range: 'all' })).toBe(false);
    expect(isCostly({ search: 'x' })).toBe(true);
    expect(isCostly({ min_latency: '2' })).toBe(true);
  });
  it('are a query without what is empty', () => expect(query({ a: 'x y', b: null, c: '', d: 0 })).toBe('?a=x+y&d=0'));
});
