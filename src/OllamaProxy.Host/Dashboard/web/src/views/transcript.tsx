/** What was asked and what was answered, turn by turn. */
import { useState } from 'preact/hooks';
import type { RequestRecord } from '../api';
import { Hits } from '../columns';
import { plural } from '../format';
import { CopyButton, Panel } from '../parts';
import { usePreference } from '../preferences';
import { type Role, type Turn, turnsOf } from '../transcript';
import { Prose } from './prose';

/** Characters of a system prompt or a prompt that are shown at first. The answer is what one came for. */
const long = 3000;

export function Transcript({ record, search }: { record: RequestRecord; search: string | undefined }) {
  const [markdown, setMarkdown] = usePreference('markdown', 'on');
  const turns = turnsOf(record);
  if (turns.length === 0) {
    return null;
  }
  const isMarkdown = markdown === 'on';
  return (
    <Panel
      title="Conversation"
      tools={
        <label class="check">
          <input type="checkbox" checked={isMarkdown} onChange={(event) => setMarkdown(event.currentTarget.checked ? 'on' : 'off')} />
          Markdown
        </label>
      }
    >
      <div class="turns">
        {turns.map((turn, index) => (
          <TurnElement key={index} turn={turn} isMarkdown={isMarkdown} search={search} />
        ))}
      </div>
    </Panel>
  );
}

function TurnElement({ turn, isMarkdown, search }: { turn: Turn; isMarkdown: boolean; search: string | undefined }) {
  const isHit = Boolean(search && turn.text?.toLowerCase().includes(search.toLowerCase()));
  const body =
    turn.text === null ? null : turn.role === 'tool' ? (
      <pre class="text" tabIndex={0}>
        <Hits text={turn.text} search={search} />
      </pre>
    ) : (
      <TurnText text={turn.text} isMarkdown={isMarkdown} search={search} isWhole={isHit || turn.role === 'assistant' || turn.role === 'thinking'} />
    );
  return (
    <section class={`turn ${turn.role}`} aria-label={turn.name}>
      {body !== null && isFolded(turn.role) ? (
        <details open={isHit}>
          <summary>
            <Name turn={turn} />
            {turn.summary ? <code class="cut">{turn.summary}</code> : <span class="note">{plural(turn.text!.length, 'character')}</span>}
          </summary>
          {body}
          <CopyButton text={turn.text!} label="Copy" />
        </details>
      ) : (
        <>
          <header>
            <Name turn={turn} />
            {turn.note !== null && <span class="note">{turn.note}</span>}
            {turn.text !== null && <CopyButton text={turn.text} label="Copy" />}
          </header>
          {body}
        </>
      )}
    </section>
  );
}

function isFolded(role: Role): boolean {
  return role === 'thinking' || role === 'tool';
}

function Name({ turn }: { turn: Turn }) {
  return <h3>{turn.name}</h3>;
}

function TurnText({ text, isMarkdown, search, isWhole }: { text: string; isMarkdown: boolean; search: string | undefined; isWhole: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const shown = isWhole || isOpen || text.length <= long * 1.2 ? text : beginning(text);
  return (
    <>
      {isMarkdown ? (
        <Prose text={shown} search={search} />
      ) : (
        <pre class="text" tabIndex={0}>
          <Hits text={shown} search={search} />
        </pre>
      )}
      {shown !== text && (
        <button type="button" class="more" onClick={() => setOpen(true)}>
          Show all {plural(text.length, 'character')}
        </button>
      )}
    </>
  );
}

/** Up to the end of a line, and with no half of a surrogate pair at its end. */
function beginning(text: string): string {
  const end = text.lastIndexOf('\n', long);
  return end > long / 2 ? text.slice(0, end) : `${text.slice(0, long).replace(/[\uD800-\uDBFF]$/, '')} …`;
}
