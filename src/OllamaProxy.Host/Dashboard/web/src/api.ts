/** The JSON API as docs/analytics-api.md describes it. Null is unknown. */
import type { components } from './api-types';

type Schemas = components['schemas'];

export type RequestRecord = Schemas['Record'];
export type Page = Schemas['Search'];
export type Stats = Schemas['Stats'];
export type Numbers = Schemas['Line'];
export type Distribution = Schemas['Distribution'];
export type Group = Schemas['Group'];
export type Step = Schemas['Step'];
export type Bar = Schemas['Bar'];
export type Ollama = Schemas['Ollama'];
export type LoadedModel = Schemas['LoadedModel'];
export type Running = Schemas['Running'];

export type GroupName = 'models' | 'endpoints' | 'categories' | 'clients' | 'applications' | 'outcomes' | 'error_types' | 'backends' | 'proxies';

/** Statistics that were asked for with these groups only: the others are null. */
export type StatsOf<Names extends GroupName = never> = Omit<Stats, GroupName | 'client_count' | 'model_count'> &
  Record<Names, Group[]> & {
    [Name in Names as Name extends 'clients' ? 'client_count' : Name extends 'models' ? 'model_count' : never]: number;
  };

/** What GET /healthz says of the proxy itself. */
export interface Health {
  status: string;
  store?: { state: string; problem?: string | null };
}

/** Why there is no answer. */
export type Trouble = 'offline' | 'forbidden' | 'off' | 'missing' | 'failed';

export class ApiError extends Error {
  constructor(
    readonly trouble: Trouble,
    message: string,
  ) {
    super(message);
  }
}

/** The folder the page and the API are in, whatever prefix a proxy before us has put it under: ".../analytics/". */
export function baseOf(path: string): string {
  const at = path.lastIndexOf('/analytics');
  return at < 0 ? '/analytics/' : `${path.slice(0, at)}/analytics/`;
}

/** Outside the folder of the API, and relative to it because of the prefix. */
export const healthPath = '../healthz';

export const base = baseOf(typeof location === 'undefined' ? '/analytics' : location.pathname);

/** Requests whose answers are not here yet. */
const underway = new Set<Promise<unknown>>();

/** Ends the requests of `later` that are underway. */
let background = new AbortController();

export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = ask<T>(path, signal);
  underway.add(answer);
  const end = () => void underway.delete(answer);
  answer.then(end, end);
  return answer;
}

/** Asks for what nobody waits for: when nothing else is underway, and again when it was ended for something that somebody chose. */
export async function later<T>(path: string, signal: AbortSignal): Promise<T> {
  for (;;) {
    await idle();
    signal.throwIfAborted();
    const { signal: ended } = background;
    try {
      return await get<T>(path, AbortSignal.any([signal, ended]));
    } catch (error) {
      if (signal.aborted || !ended.aborted) {
        throw error;
      }
    }
  }
}

/** Somebody chose something and waits for it: the server answers it sooner when it has nothing else to do. */
export function giveWay(): void {
  background.abort();
  background = new AbortController();
}

/** Resolves when no answer is underway and the last one is drawn, or after five seconds. */
async function idle(): Promise<void> {
  const patience = Date.now() + 5000;
  await rest();
  while (underway.size > 0 && Date.now() < patience) {
    await Promise.race([Promise.allSettled(underway), new Promise((go) => setTimeout(go, patience - Date.now()))]);
    await rest();
  }
}

/** Until the browser has nothing to do. Safari does not tell. */
function rest(): Promise<void> {
  return new Promise((go) => ('requestIdleCallback' in globalThis ? requestIdleCallback(() => go(), { timeout: 1000 }) : setTimeout(go, 200)));
}

async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(base + path, { headers: { Accept: 'application/json' }, ...(signal ? { signal } : {}) });
  } catch (error) {
    if (signal?.aborted) {
      throw error;
    }
    throw new ApiError('offline', 'The proxy does not answer.');
  }
  if (answer.ok) {
    return (await answer.json()) as T;
  }
  const problem = (await answer.json().catch(() => ({}))) as { title?: string; detail?: string };
  const text = problem.detail || problem.title || `The response has status ${answer.status}.`;
  const trouble: Trouble =
    answer.status === 401 || answer.status === 403
      ? 'forbidden'
      : answer.status === 503 && problem.title === 'Analytics are off'
        ? 'off'
        : answer.status === 404
          ? 'missing'
          : answer.status === 502 || answer.status === 504
            ? 'offline'
            : 'failed';
  throw new ApiError(trouble, text);
}

/** A query; what is null or empty is left out. */
export function query(parameters: Record<string, string | number | null | undefined>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== '') {
      search.set(name, String(value));
    }
  }
  const text = search.toString();
  return text && `?${text}`;
}
