/** The Markdown that models write, as a tree of texts: its blocks. HTML stays text, and images become links. */
import { type Inline, inline, maxDepth } from './markdown-inline';

export type Block =
  | { kind: 'paragraph'; line: Inline[] }
  | { kind: 'heading'; level: number; line: Inline[] }
  | { kind: 'code'; text: string; language: string }
  | { kind: 'list'; isOrdered: boolean; start: number; items: Block[][] }
  | { kind: 'quote'; blocks: Block[] }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][]; alignments: Alignment[] }
  | { kind: 'rule' };

export type Alignment = 'left' | 'center' | 'right' | null;

const fencePattern = /^(\s*)(`{3,}|~{3,})\s*([^\s`]*)[^`]*$/;
const headingPattern = /^ {0,3}(#{1,6})\s+(.*)$/;
const rulePattern = /^ {0,3}(?:(?:\*\s*){3,}|(?:-\s*){3,}|(?:_\s*){3,})$/;
const itemPattern = /^(\s*)([-*+]|\d{1,9}[.)])(\s+|$)(.*)$/;
const quotePattern = /^ {0,3}> ?(.*)$/;
const delimiterPattern = /^:?-+:?$/;

export function markdown(text: string): Block[] {
  return blocksOf(text.split(/\r?\n/), 0);
}

function blocksOf(lines: readonly string[], depth: number): Block[] {
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  const endParagraph = () => {
    if (paragraph.length > 0) {
      blocks.push({ kind: 'paragraph', line: inline(paragraph.join('\n')) });
      paragraph = [];
    }
  };
  const add = (block: Block) => {
    endParagraph();
    blocks.push(block);
  };
  for (let at = 0; at < lines.length; ) {
    const line = lines[at]!;
    const fence = fencePattern.exec(line);
    const heading = headingPattern.exec(line);
    if (line.trim() === '') {
      endParagraph();
      at++;
    } else if (fence) {
      const end = endOfFence(lines, at + 1, fence[2]!);
      const code = lines.slice(at + 1, end).map((inside) => outdented(inside, fence[1]!.length));
      add({ kind: 'code', language: fence[3]!, text: code.join('\n') });
      at = end + 1;
    } else if (heading) {
      add({ kind: 'heading', level: heading[1]!.length, line: inline(heading[2]!.trim().replace(/\s#+$/, '')) });
      at++;
    } else if (rulePattern.test(line)) {
      add({ kind: 'rule' });
      at++;
    } else if (depth < maxDepth && quotePattern.test(line)) {
      const end = endOf(lines, at, (next) => quotePattern.test(next));
      add({
        kind: 'quote',
        blocks: blocksOf(
          lines.slice(at, end).map((quoted) => quotePattern.exec(quoted)![1]!),
          depth + 1,
        ),
      });
      at = end;
    } else if (depth < maxDepth && itemPattern.test(line)) {
      endParagraph();
      at = list(lines, at, depth, blocks);
    } else if (isTable(line, lines[at + 1])) {
      const end = endOf(lines, at + 2, (next) => next.trim() !== '' && next.includes('|'));
      add({
        kind: 'table',
        head: cellsOf(line).map(inline),
        alignments: cellsOf(lines[at + 1]!).map(alignmentOf),
        rows: lines.slice(at + 2, end).map((row) => cellsOf(row).map(inline)),
      });
      at = end;
    } else {
      // Indentation stays: a prompt may hold code without a fence.
      paragraph.push(line.trimEnd());
      at++;
    }
  }
  endParagraph();
  return blocks;
}

function endOf(lines: readonly string[], from: number, belongs: (line: string) => boolean): number {
  let end = from;
  while (end < lines.length && belongs(lines[end]!)) {
    end++;
  }
  return end;
}

/** The line of the closing fence. An answer that was cut has none. */
function endOfFence(lines: readonly string[], from: number, fence: string): number {
  return endOf(lines, from, (line) => {
    const closing = line.trim();
    return !(closing.startsWith(fence) && closing === fence[0]!.repeat(closing.length));
  });
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** A line without so much of its indentation; a tab is as good as any number of spaces. */
function outdented(line: string, length: number): string {
  return line.slice(length > 0 && line.startsWith('\t') ? 1 : Math.min(indentOf(line), length));
}

/** Reads one list, and returns the line behind it. What is indented below an item belongs to it. */
function list(lines: readonly string[], from: number, depth: number, blocks: Block[]): number {
  const first = itemPattern.exec(lines[from]!)!;
  const isOrdered = /\d/.test(first[2]!);
  const items: Block[][] = [];
  let at = from;
  for (;;) {
    const item = at < lines.length ? itemPattern.exec(lines[at]!) : null;
    if (!item || /\d/.test(item[2]!) !== isOrdered || (items.length > 0 && rulePattern.test(lines[at]!))) {
      break;
    }
    const indent = item[1]!.length;
    const content = [item[4]!.replace(/^\[ \] /, '☐ ').replace(/^\[[xX]\] /, '☑ ')];
    at++;
    for (; at < lines.length; at++) {
      const line = lines[at]!;
      if (line.trim() === '') {
        // A blank line belongs to the item when what follows is indented, too.
        const next = endOf(lines, at, (blank) => blank.trim() === '');
        if (next === lines.length || indentOf(lines[next]!) <= indent) {
          break;
        }
      } else if (indentOf(line) <= indent && (at === 0 || lines[at - 1]!.trim() === '' || startsBlock(line))) {
        break;
      }
      content.push(outdented(line, indent + item[2]!.length + 1));
    }
    items.push(blocksOf(content, depth + 1));
    const next = endOf(lines, at, (line) => line.trim() === '');
    const follows = next < lines.length ? itemPattern.exec(lines[next]!) : null;
    if (follows && indentOf(lines[next]!) >= first[1]!.length) {
      at = next;
    }
  }
  blocks.push({ kind: 'list', isOrdered, start: isOrdered ? Number.parseInt(first[2]!, 10) : 1, items });
  return at;
}

function startsBlock(line: string): boolean {
  return [itemPattern, headingPattern, quotePattern, rulePattern, fencePattern].some((pattern) => pattern.test(line));
}

/** The cells of a table's row. A bar that is escaped, or inside code, is no border. */
function cellsOf(row: string): string[] {
  const cells = row
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '')
    .match(/(?:\\.|`[^`]*`|[^|])+|(?<=\||^)(?=\||$)/g);
  return (cells ?? ['']).map((cell) => cell.trim().replaceAll('\\|', '|'));
}

function isTable(head: string, delimiters: string | undefined): boolean {
  if (!head.includes('|') || !delimiters?.includes('-')) {
    return false;
  }
  const cells = cellsOf(delimiters);
  return cells.every((cell) => delimiterPattern.test(cell)) && cells.length === cellsOf(head).length;
}

function alignmentOf(delimiter: string): Alignment {
  const [left, right] = [delimiter.startsWith(':'), delimiter.endsWith(':')];
  return left && right ? 'center' : right ? 'right' : left ? 'left' : null;
}
