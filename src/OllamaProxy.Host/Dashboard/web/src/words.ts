/** The closed sets of the API. A test compares them with the program's own. */

export const categories = [
  'empty',
  'summarize',
  'translate',
  'explain',
  'code_write',
  'code_debug',
  'question',
  'creative',
  'analyze',
  'help',
  'list',
  'other',
];

export const outcomes = ['completed', 'upstream_error', 'incomplete', 'client_cancelled', 'upstream_unreachable', 'rejected', 'proxy_stopped'];

export const inferenceEndpoints = [
  'generate',
  'chat',
  'embed',
  'embeddings',
  'v1/chat/completions',
  'v1/completions',
  'v1/embeddings',
  'v1/responses',
  'v1/audio/transcriptions',
  'v1/messages',
];

/** Endpoints that run no model, of which people ask. */
export const otherEndpoints = ['version', 'tags', 'ps', 'show', 'pull', 'push', 'create', 'copy', 'delete', 'v1/models', 'other'];

export const errorTypes = [
  'client_abort',
  'upstream_unreachable',
  'incomplete',
  'mid_stream',
  'model_not_found',
  'not_found',
  'bad_request',
  'forbidden',
  'rate_limited',
  'busy',
  'context_overflow',
  'out_of_memory',
  'upstream_error',
  'queue_full',
  'queue_timeout',
  'body_stalled',
  'proxy_fault',
  'proxy_stopped',
];
