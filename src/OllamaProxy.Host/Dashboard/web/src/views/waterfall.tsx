/** The phases of a request, one below the other on one scale. */
import { useMemo } from 'preact/hooks';
import type { RequestRecord } from '../api';
import { duration } from '../format';
import { isTrifle, phasesOf } from '../phases';

export function Waterfall({ record }: { record: RequestRecord }) {
  const phases = useMemo(() => phasesOf(record), [record]);
  const total = record.latency;
  if (phases.length === 0) {
    return <p class="quiet">The time is too short to measure.</p>;
  }
  const first = record.time_to_first_token;
  return (
    <div class="waterfall">
      <ol aria-label="Phases">
        {phases
          .filter((phase) => !isTrifle(phase, total))
          .map((phase) => (
            <li key={phase.key} title={phase.meaning}>
              <span class="name">{phase.name}</span>
              <span class="track" aria-hidden="true">
                <i class={`phase-${phase.key}`} style={{ left: `${(100 * phase.start) / total}%`, width: `${(100 * phase.length) / total}%` }} />
                {first !== null && first <= total && <b style={{ left: `${(100 * first) / total}%` }} />}
              </span>
              <span class="number">{duration(phase.length)}</span>
              <span class="share number">{Math.round((100 * phase.length) / total)} %</span>
            </li>
          ))}
      </ol>
      <div class="scale">
        <span />
        <span class="ends">
          <span>0</span>
          <span>{duration(total / 2)}</span>
          <span>{duration(total)}</span>
        </span>
        <span />
        <span />
      </div>
      {first !== null && (
        <p class="note">
          The line is the first token, after <b>{duration(first)}</b>.
        </p>
      )}
    </div>
  );
}
