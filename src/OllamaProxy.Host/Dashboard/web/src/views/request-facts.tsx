/** Everything else that is known of a request. What is not known is left out. */
import type { ComponentChildren } from 'preact';
import type { RequestRecord } from '../api';
import { bytes, count, duration, words as say, speed } from '../format';
import { loadCause } from '../phases';

type Fact = [name: string, value: ComponentChildren];

export function Facts({ record }: { record: RequestRecord }) {
  const groups: [string, Fact[]][] = [
    [
      'Response',
      [
        ...fact('Finish reason', record.finish_reason, say),
        ...fact('Prompt speed', record.prompt_tokens_per_second, speed),
        ...fact('Time to headers', record.time_to_headers, duration),
        ...fact('Mean gap', record.mean_gap, duration),
        ...fact('Longest gap', record.longest_gap, duration),
        ...fact('Load cause', record.load_cause, loadCause),
        ...fact('HTTP status', record.status_code, String),
        ...fact('Streaming', record.stream, (isStream) => (isStream ? 'yes' : 'no')),
        ...fact('Size', record.response_bytes, bytes),
      ],
    ],
    [
      'Parameters',
      [
        ...fact('num_ctx', record.num_ctx, count),
        ...fact('Max tokens', record.max_tokens, count),
        ...fact('Temperature', record.temperature, String),
        ...fact('keep_alive', record.keep_alive, String),
        ...fact('Messages', record.message_count, count),
        ...fact('Tools', record.tool_count, count),
        ...fact('Images', record.image_count, count),
      ],
    ],
    [
      'Request',
      [
        ...fact('Method', record.method, String),
        ...fact('Path', record.target, String),
        ...fact('Category', record.category, say),
        ...fact('Size', record.request_bytes, bytes),
        ...fact('User agent', record.user_agent, String),
        ...fact('Proxy', record.proxy, String),
        ...fact('Backend', record.backend, String),
        ...fact('Request ID', record.request_id, String),
        ...fact('Record', record.id, String),
      ],
    ],
  ];
  return (
    <aside class="facts" aria-label="Facts">
      {groups
        .filter(([, facts]) => facts.length > 0)
        .map(([title, facts]) => (
          <section key={title} aria-label={title}>
            <h2>{title}</h2>
            <dl>
              {facts.map(([name, value]) => (
                <div key={name}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
    </aside>
  );
}

/** One fact, or none where its value is not known. */
function fact<T>(name: string, value: T | null, show: (value: T) => ComponentChildren): Fact[] {
  return value === null ? [] : [[name, show(value)]];
}
