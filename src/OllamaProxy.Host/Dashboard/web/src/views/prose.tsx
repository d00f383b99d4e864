/** Markdown as elements. Every text goes into the page as text, never as HTML. */
import type { ComponentChildren } from 'preact';
import { useMemo } from 'preact/hooks';
import { colored } from '../code';
import { Hits } from '../columns';
import { type Block, markdown } from '../markdown';
import type { Inline } from '../markdown-inline';
import { CopyButton } from '../parts';

type Search = string | undefined;

export function Prose({ text, search }: { text: string; search: Search }) {
  const blocks = useMemo(() => markdown(text), [text]);
  return (
    <div class="prose">
      <Blocks blocks={blocks} search={search} />
    </div>
  );
}

function Blocks({ blocks, search }: { blocks: Block[]; search: Search }) {
  return (
    <>
      {blocks.map((block, index) => (
        <BlockElement key={index} block={block} search={search} />
      ))}
    </>
  );
}

function BlockElement({ block, search }: { block: Block; search: Search }) {
  const line = (parts: Inline[]) => <Line parts={parts} search={search} />;
  switch (block.kind) {
    case 'heading': {
      // The page has the first levels for itself.
      const Heading = (['h3', 'h4', 'h5', 'h6'] as const)[Math.min(3, block.level - 1)]!;
      return <Heading>{line(block.line)}</Heading>;
    }
    case 'code':
      return <Code text={block.text} language={block.language} search={search} />;
    case 'list': {
      const items = block.items.map((item, index) => <li key={index}>{isOneLine(item) ? line(item[0].line) : <Blocks blocks={item} search={search} />}</li>);
      return block.isOrdered ? <ol start={block.start}>{items}</ol> : <ul>{items}</ul>;
    }
    case 'quote':
      return (
        <blockquote>
          <Blocks blocks={block.blocks} search={search} />
        </blockquote>
      );
    case 'table':
      return (
        <div class="scroll" role="group" aria-label="Table" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {block.head.map((cell, index) => (
                  <th key={index} class={block.alignments[index] ?? ''}>
                    {line(cell)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {block.rows.map((row, index) => (
                <tr key={index}>
                  {row.map((cell, column) => (
                    <td key={column} class={block.alignments[column] ?? ''}>
                      {line(cell)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    case 'rule':
      return <hr />;
    case 'paragraph':
      return <p>{line(block.line)}</p>;
  }
}

function isOneLine(item: Block[]): item is [Extract<Block, { kind: 'paragraph' }>] {
  return item.length === 1 && item[0]!.kind === 'paragraph';
}

function Code({ text, language, search }: { text: string; language: string; search: Search }) {
  return (
    <figure class="code">
      <figcaption>
        <span>{language || 'code'}</span>
        <CopyButton text={text} label="Copy" />
      </figcaption>
      <pre tabIndex={0}>
        {search ? (
          <Hits text={text} search={search} />
        ) : (
          colored(text, language).map((part, index) =>
            part.kind === 'plain' ? (
              part.text
            ) : (
              <i key={index} class={part.kind}>
                {part.text}
              </i>
            ),
          )
        )}
      </pre>
    </figure>
  );
}

function Line({ parts, search }: { parts: Inline[]; search: Search }): ComponentChildren {
  return parts.map((part, index) => {
    switch (part.kind) {
      case 'text':
        return <Hits key={index} text={part.text} search={search} />;
      case 'code':
        return (
          <code key={index}>
            <Hits text={part.text} search={search} />
          </code>
        );
      case 'break':
        return <br key={index} />;
      case 'link':
        return (
          <a key={index} href={part.href} title={part.href} target="_blank" rel="noopener noreferrer">
            <Line parts={part.parts} search={search} />
          </a>
        );
      default: {
        const Mark = ({ strong: 'strong', emphasis: 'em', deleted: 'del' } as const)[part.kind];
        return (
          <Mark key={index}>
            <Line parts={part.parts} search={search} />
          </Mark>
        );
      }
    }
  });
}
