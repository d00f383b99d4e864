/** What was asked and what was answered: as it is, or as the Markdown it is meant to be. Never as HTML. */
import type { ComponentChildren } from 'preact';
import { Hits } from '../columns';
import { unknown } from '../format';
import { CopyButton, Panel } from '../parts';
import { usePreference } from '../preferences';
import { type Block, type Inline, markdown } from '../text';

export function Text({
  title,
  text,
  search,
  note,
  isQuiet,
}: {
  title: string;
  text: string | null;
  search: string | undefined;
  note?: string | undefined;
  isQuiet?: boolean;
}) {
  const [isMarkdown, setMarkdown] = usePreference('markdown', '');
  return (
    <Panel
      title={title}
      note={note}
      tools={
        text && (
          <>
            <label class="check">
              <input type="checkbox" checked={isMarkdown === 'on'} onChange={(event) => setMarkdown(event.currentTarget.checked ? 'on' : '')} />
              Markdown
            </label>
            <CopyButton text={text} label="Copy" />
          </>
        )
      }
    >
      {text === null ? (
        <p class="quiet">{unknown} nothing was recorded</p>
      ) : text === '' ? (
        <p class="quiet">empty</p>
      ) : isMarkdown === 'on' ? (
        <div class={`prose ${isQuiet ? 'quiet' : ''}`}>
          {markdown(text).map((block, index) => (
            <MarkdownBlock key={index} block={block} />
          ))}
        </div>
      ) : (
        <pre class={`text ${isQuiet ? 'quiet' : ''}`} tabIndex={0}>
          <Hits text={text} search={search} />
        </pre>
      )}
    </Panel>
  );
}

function MarkdownBlock({ block }: { block: Block }) {
  switch (block.kind) {
    case 'heading':
      return (
        <p class={`heading h${Math.min(3, block.level)}`}>
          <Line parts={block.line} />
        </p>
      );
    case 'code':
      return <pre tabIndex={0}>{block.text}</pre>;
    case 'list': {
      const items = block.items.map((item, index) => (
        <li key={index}>
          <Line parts={item} />
        </li>
      ));
      return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case 'quote':
      return <blockquote>{lines(block.lines)}</blockquote>;
    case 'rule':
      return <hr />;
    default:
      return <p>{lines(block.lines)}</p>;
  }
}

function lines(all: Inline[][]): ComponentChildren {
  return all.map((line, index) => (
    <span key={index}>
      {index > 0 && <br />}
      <Line parts={line} />
    </span>
  ));
}

function Line({ parts }: { parts: Inline[] }) {
  return (
    <>
      {parts.map((part, index) => {
        switch (part.kind) {
          case 'code':
            return <code key={index}>{part.text}</code>;
          case 'strong':
            return <strong key={index}>{part.text}</strong>;
          case 'emphasis':
            return <em key={index}>{part.text}</em>;
          default:
            return part.text;
        }
      })}
    </>
  );
}

export function ToolCalls({ text }: { text: string }) {
  let calls: { name?: unknown; arguments?: unknown }[] | null = null;
  try {
    const parsed: unknown = JSON.parse(text);
    calls = Array.isArray(parsed) ? (parsed as { name?: unknown; arguments?: unknown }[]) : null;
  } catch {
    // It was cut: shown as it is.
  }
  return (
    <Panel title="Tool calls" tools={<CopyButton text={text} label="Copy" />}>
      {calls ? (
        <ul class="calls">
          {calls.map((call, index) => (
            <li key={index}>
              <code>{String(call?.name ?? unknown)}</code>
              <pre class="text" tabIndex={0}>
                {typeof call?.arguments === 'string' ? call.arguments : JSON.stringify(call?.arguments ?? null, null, 2)}
              </pre>
            </li>
          ))}
        </ul>
      ) : (
        <pre class="text" tabIndex={0}>
          {text}
        </pre>
      )}
    </Panel>
  );
}
