/** The JSON API as docs/analytics-api.md describes it. Null is unknown. */

export interface Distribution {
  count: number;
  mean: number | null;
  p5: number | null;
  p10: number | null;
  p50: number | null;
  p90: number | null;
  p95: number | null;
  p99: number | null;
  max: number | null;
}

export interface Numbers {
  requests: number;
  requests_per_minute: number;
  success: number;
  error: number;
  cancelled: number;
  input_tokens: number;
  cached_input_tokens: number;
  output_tokens: number;
  latency: Distribution;
  time_to_first_token: Distribution;
  tokens_per_second: Distribution;
  loads: number;
  load_seconds: number;
  truncated: number;
}

export interface Group {
  name: string | null;
  numbers: Numbers;
}

export interface Part {
  name: string | null;
  requests: number;
  error: number;
  input_tokens: number;
  output_tokens: number;
}

export interface Step {
  timestamp: number;
  numbers: Numbers;
  parts: Part[];
}

export interface Bar {
  above: number;
  up_to: number;
  count: number;
}

export interface Stats {
  backend: string;
  queue_size: number;
  total_records: number;
  size_bytes: number;
  oldest: string | null;
  newest: string | null;
  start_time: string | null;
  end_time: string;
  percentile_error: number;
  client_count: number;
  model_count: number;
  total: Numbers;
  models: Group[];
  endpoints: Group[];
  categories: Group[];
  clients: Group[];
  applications: Group[];
  outcomes: Group[];
  step_seconds: number | null;
  series: Step[];
  latency_histogram: Bar[];
}

export type GroupName = 'models' | 'endpoints' | 'categories' | 'clients' | 'applications' | 'outcomes';

/** Statistics that were asked for with these groups only. */
export type StatsOf<Names extends GroupName = never> = Omit<
  Stats,
  Exclude<GroupName, Names> | ('clients' extends Names ? never : 'client_count') | ('models' extends Names ? never : 'model_count')
>;

export interface RequestRecord {
  id: number | null;
  request_id: string;
  /** The canonical name, in lower case: for comparisons. */
  model: string | null;
  /** The name as Ollama spells it: for people. */
  model_name: string | null;
  endpoint: string;
  method: string;
  target: string | null;
  category: string;
  prompt: string | null;
  system: string | null;
  response: string | null;
  thinking: string | null;
  tool_calls: string | null;
  tool_call_count: number | null;
  latency: number;
  output_tokens: number | null;
  input_tokens: number | null;
  cached_input_tokens: number | null;
  tokens_estimated: boolean;
  tokens_per_second: number | null;
  /** True when the speed was computed from the tokens and the time between them, because Ollama reported none. */
  tokens_per_second_estimated?: boolean;
  prompt_tokens_per_second: number | null;
  load_duration: number | null;
  load_cause: string | null;
  total_duration: number | null;
  prompt_eval_duration: number | null;
  eval_duration: number | null;
  queue_time: number | null;
  connect_time: number | null;
  engine_wait: number | null;
  decode_time: number | null;
  client_backpressure: number | null;
  time_to_first_token: number | null;
  time_to_headers: number | null;
  mean_gap: number | null;
  longest_gap: number | null;
  status_code: number | null;
  status: string;
  outcome: string;
  error: string | null;
  error_type: string | null;
  truncation: string | null;
  finish_reason: string | null;
  stream: boolean | null;
  user_agent: string | null;
  application: string | null;
  client_ip: string | null;
  timestamp: number;
  started_at: string;
  request_bytes: number;
  response_bytes: number;
  message_count: number | null;
  image_count: number | null;
  tool_count: number | null;
  num_ctx: number | null;
  max_tokens: number | null;
  temperature: number | null;
  keep_alive: string | null;
  is_inference: boolean;
}

export interface Page {
  results: RequestRecord[];
  count: number;
  next_cursor: string | null;
}

export interface LoadedModel {
  name: string;
  size_bytes: number;
  vram_bytes: number;
  context_length: number | null;
  expires_at: string | null;
  family: string | null;
  parameter_size: string | null;
  quantization: string | null;
}

export interface Ollama {
  state: string;
  ollama_host: string;
  is_up: boolean | null;
  problem: string | null;
  checked_at: string | null;
  version: string | null;
  installed_models: number | null;
  installed_bytes: number | null;
  loaded_bytes: number | null;
  loaded_vram_bytes: number | null;
  models: LoadedModel[] | null;
}

export interface Running {
  request_id: string;
  phase: string;
  started_at: string;
  endpoint: string;
  method: string;
  model: string | null;
  client_ip: string | null;
  user_agent: string | null;
  application: string | null;
  elapsed: number;
  output_tokens: number;
}

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

/** How many answers are waited for, and who waits until there are none. */
let underway = 0;
let patient: (() => void)[] = [];

/** What is asked for while nobody waits for it. */
const unhurried = new Set<AbortController>();

/** When no answer is waited for and what came is drawn: time to ask for what nobody waits for. After some seconds it is time in any case. */
async function idle(): Promise<void> {
  await Promise.race([untilIdle(), new Promise((go) => setTimeout(go, 5000))]);
}

async function untilIdle(): Promise<void> {
  do {
    await rest();
    while (underway > 0) {
      await new Promise<void>((go) => patient.push(go));
    }
    await rest();
  } while (underway > 0);
}

/** Until the browser has nothing to do. Safari does not tell. */
function rest(): Promise<void> {
  return new Promise((go) => ('requestIdleCallback' in globalThis ? requestIdleCallback(() => go(), { timeout: 1000 }) : setTimeout(go, 200)));
}

export function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return counted(ask<T>(path, signal));
}

/** What nobody waits for: asked for when there is time for it, and anew when it had to give way. */
export async function later<T>(path: string, signal: AbortSignal): Promise<T> {
  for (;;) {
    await idle();
    signal.throwIfAborted();
    const way = new AbortController();
    const stop = () => way.abort();
    signal.addEventListener('abort', stop);
    unhurried.add(way);
    try {
      return await counted(ask<T>(path, way.signal));
    } catch (error) {
      if (signal.aborted || !way.signal.aborted) {
        throw error;
      }
    } finally {
      unhurried.delete(way);
      signal.removeEventListener('abort', stop);
    }
  }
}

/** Somebody chose something and waits for it: what nobody waits for gives way. */
export function giveWay(): void {
  unhurried.forEach((way) => way.abort());
}

async function counted<T>(answer: Promise<T>): Promise<T> {
  underway++;
  try {
    return await answer;
  } finally {
    underway--;
    if (underway === 0) {
      const go = patient;
      patient = [];
      go.forEach((next) => next());
    }
  }
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
  const text = problem.detail || problem.title || `The answer has the status ${answer.status}.`;
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
