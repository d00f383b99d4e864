import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { get, giveWay, later } from '../src/api';

interface Asked {
  path: string;
  isGivenUp: boolean;
  answer: (value: unknown) => void;
}

describe('what nobody waits for', () => {
  let asked: Asked[] = [];

  beforeEach(() => {
    asked = [];
    vi.useFakeTimers();
    vi.stubGlobal('fetch', (path: string, { signal }: RequestInit) => {
      const one: Asked = { path: path.slice('/analytics/'.length), isGivenUp: false, answer: () => undefined };
      asked.push(one);
      return new Promise((resolve, reject) => {
        one.answer = (value) => resolve(new Response(JSON.stringify(value)));
        signal?.addEventListener('abort', () => ((one.isGivenUp = true), reject(signal.reason)));
      });
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  const paths = () => asked.map((one) => one.path);
  const pause = () => vi.advanceTimersByTimeAsync(2000);

  it('is asked for when nothing else is waited for', async () => {
    const first = get('first');
    const second = later('second', new AbortController().signal);
    await pause();
    expect(paths()).toEqual(['first']);
    asked[0]!.answer(1);
    await pause();
    expect(paths()).toEqual(['first', 'second']);
    asked[1]!.answer(2);
    expect([await first, await second]).toEqual([1, 2]);
  });

  it('is asked for in the end, however long others take', async () => {
    void get('slow').catch(() => undefined);
    void later('second', new AbortController().signal);
    await vi.advanceTimersByTimeAsync(6000);
    expect(paths()).toEqual(['slow', 'second']);
    asked.forEach((one) => one.answer(0));
  });

  it('gives way when somebody chooses something, and comes back', async () => {
    const value = later('second', new AbortController().signal);
    await pause();
    giveWay();
    const first = get('first');
    expect(asked[0]!.isGivenUp).toBe(true);
    await pause();
    expect(paths()).toEqual(['second', 'first']);
    asked[1]!.answer(1);
    await first;
    await pause();
    expect(paths()).toEqual(['second', 'first', 'second']);
    asked[2]!.answer('there');
    expect(await value).toBe('there');
  });

  it('does not give way to what is asked for by the clock', async () => {
    const value = later('second', new AbortController().signal);
    await pause();
    void get('state');
    await pause();
    expect(asked[0]!.isGivenUp).toBe(false);
    asked[0]!.answer('there');
    expect(await value).toBe('there');
    asked[1]!.answer(0);
  });

  it('is given up with who asked, before and after it was sent', async () => {
    const early = new AbortController();
    const never = later('never', early.signal);
    early.abort();
    const late = new AbortController();
    const cut = later('cut', late.signal);
    const both = Promise.all([expect(never).rejects.toThrow(), expect(cut).rejects.toThrow()]);
    await pause();
    expect(paths()).toEqual(['cut']);
    late.abort();
    await both;
    expect(asked[0]!.isGivenUp).toBe(true);
  });
});
