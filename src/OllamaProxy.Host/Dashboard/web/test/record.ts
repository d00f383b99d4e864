import type { RequestRecord } from '../src/api';

/** A record with nothing known but what must be. */
export function record(known: Partial<RequestRecord> = {}): RequestRecord {
  return {
    id: 1, request_id: '0'.repeat(32), model: 'phi4:latest', model_name: 'phi4:latest', endpoint: 'generate', method: 'POST', target: '/api/generate', category: 'other', prompt: null, system: null,
    response: null, thinking: null, tool_calls: null, tool_call_count: null, latency: 1, output_tokens: null, input_tokens: null, cached_input_tokens: null, tokens_estimated: false,
    tokens_per_second: null, prompt_tokens_per_second: null, load_duration: null, load_cause: null, total_duration: null, prompt_eval_duration: null, eval_duration: null,
    queue_time: null, connect_time: null, engine_wait: null, decode_time: null, client_backpressure: null, time_to_first_token: null, time_to_headers: null, mean_gap: null,
    longest_gap: null, status_code: 200, status: 'success', outcome: 'completed', error: null, error_type: null, truncation: null, finish_reason: null, stream: true, user_agent: null,
    application: null, client_ip: '127.0.0.1', timestamp: 0, started_at: '1970-01-01T00:00:00+00:00', request_bytes: 0, response_bytes: 0, message_count: null, image_count: null,
    tool_count: null, num_ctx: null, max_tokens: null, temperature: null, keep_alive: null, is_inference: true, ...known,
  };
}
