/** The Markdown that models write, as a tree of texts. HTML stays the text it is, images become links, and only web and mail addresses become links. */

export type Block =
  | { kind: 'paragraph'; line: Inline[] }
  | { kind: 'heading'; level: number; line: Inline[] }
  | { kind: 'code'; text: string; language: string }
  | { kind: 'list'; isOrdered: boolean; start: number; items: Block[][] }
  | { kind: 'quote'; blocks: Block[] }
  | { kind: 'table'; head: Inline[][]; rows: Inline[][][]; alignments: Alignment[] }
  | { kind: 'rule' };

export type Inline =
  | { kind: 'text' | 'code'; text: string }
  | { kind: 'strong' | 'emphasis' | 'deleted'; parts: Inline[] }
  | { kind: 'link'; href: string; parts: Inline[] }
  | { kind: 'break' };

export type Alignment = 'left' | 'center' | 'right' | null;

/** Deeper nesting is shown as text: a hostile text must not exhaust the stack, and nobody reads further. */
const maxDepth = 12;

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

/** An address that a link may lead to, as the browser will read it; null for every other (scripts, files, data, addresses of this page). */
export function safeAddress(text: string): string | null {
  try {
    const url = new URL(text);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

export function inline(text: string): Inline[] {
  return new InlineReader(text, 0).read();
}

const marks = { '***': 'strong', ___: 'strong', '**': 'strong', __: 'strong', '~~': 'deleted', '*': 'emphasis', _: 'emphasis' } as const;
const markPattern = /\*\*\*|___|\*\*|__|~~|\*|_/y;
const punctuation = /[!-/:-@[-`{-~]/;
const letter = /[\p{L}\p{N}]/u;
const webAddress = /https?:\/\/[^\s<>"'`|\\]{1,2000}/y;
const lineBreak = /\n|<br ?\/?>/iy;

/** Reads a text once from its beginning to its end. A mark that was searched in vain is not searched again, so the time grows with the length alone. */
class InlineReader {
  private readonly parts: Inline[] = [];
  private readonly missing = new Set<string>();
  private plain = '';
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly depth: number,
  ) {}

  read(): Inline[] {
    while (this.at < this.text.length) {
      const next = this.text[this.at]!;
      const isRead =
        next === '\\'
          ? this.escape()
          : next === '`'
            ? this.code()
            : next === '[' || (next === '!' && this.text[this.at + 1] === '[')
              ? this.link()
              : next === '*' || next === '_' || next === '~'
                ? this.marked()
                : next === 'h'
                  ? this.address()
                  : next === '\n' || next === '<'
                    ? this.lineBreak()
                    : false;
      if (!isRead) {
        this.plain += next;
        this.at++;
      }
    }
    this.endPlain();
    return this.parts;
  }

  private endPlain(): void {
    if (this.plain) {
      this.parts.push({ kind: 'text', text: this.plain });
      this.plain = '';
    }
  }

  private add(part: Inline, end: number): true {
    this.endPlain();
    this.parts.push(part);
    this.at = end;
    return true;
  }

  private inner(text: string): Inline[] {
    return this.depth < maxDepth ? new InlineReader(text, this.depth + 1).read() : [{ kind: 'text', text }];
  }

  /** Where a text is found next, or -1. */
  private find(wanted: string, from: number): number {
    const found = this.missing.has(wanted) ? -1 : this.text.indexOf(wanted, from);
    if (found < 0) {
      this.missing.add(wanted);
    }
    return found;
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0] ?? null;
  }

  private escape(): boolean {
    const next = this.text[this.at + 1];
    if (next === undefined || !punctuation.test(next)) {
      return false;
    }
    this.plain += next;
    this.at += 2;
    return true;
  }

  private lineBreak(): boolean {
    const found = this.match(lineBreak);
    return found !== null && this.add({ kind: 'break' }, this.at + found.length);
  }

  private code(): boolean {
    const ticks = this.match(/`+/y)!;
    const from = this.at + ticks.length;
    const end = this.find(ticks, from);
    if (end < 0) {
      this.plain += ticks;
      this.at = from;
      return true;
    }
    const text = this.text.slice(from, end).replaceAll('\n', ' ');
    return this.add({ kind: 'code', text: text.startsWith(' ') && text.endsWith(' ') && text.trim() ? text.slice(1, -1) : text }, end + ticks.length);
  }

  private marked(): boolean {
    const mark = this.match(markPattern) as keyof typeof marks | null;
    if (mark === null || this.missing.has(mark)) {
      return false;
    }
    const from = this.at + mark.length;
    const isWordly = mark.startsWith('_');
    if (/\s|^$/.test(this.text[from] ?? '') || (isWordly && letter.test(this.text[this.at - 1] ?? ''))) {
      return this.keep(mark);
    }
    for (let end = this.find(mark, from + 1); end >= 0; end = this.find(mark, end + 1)) {
      const behind: string = this.text[end + mark.length] ?? '';
      const isRun = mark.length === 1 && (behind === mark || this.text[end - 1] === mark);
      if (!/\s/.test(this.text[end - 1]!) && !isRun && !(isWordly && letter.test(behind))) {
        const parts = this.inner(this.text.slice(from, end));
        const isBoth = mark.length === 3;
        return this.add({ kind: marks[mark], parts: isBoth ? [{ kind: 'emphasis', parts }] : parts }, end + mark.length);
      }
    }
    // None of those that follow closes anything.
    this.missing.add(mark);
    return this.keep(mark);
  }

  private keep(text: string): true {
    this.plain += text;
    this.at += text.length;
    return true;
  }

  /** [text](address "title"), and the same of an image, which is not loaded. */
  private link(): boolean {
    const isImage = this.text[this.at] === '!';
    const from = this.at + (isImage ? 2 : 1);
    const middle = this.closing(from, '[', ']', 500);
    if (middle < 0 || this.text[middle + 1] !== '(') {
      return false;
    }
    const end = this.closing(middle + 2, '(', ')', 4000);
    const address =
      end < 0
        ? null
        : safeAddress(
            this.text
              .slice(middle + 2, end)
              .trim()
              .replace(/\s+["'(].*$/s, '')
              .replace(/^<(.*)>$/s, '$1'),
          );
    if (address === null) {
      return false;
    }
    const label = this.text.slice(from, middle);
    return this.add(
      { kind: 'link', href: address, parts: isImage ? [{ kind: 'text', text: `image: ${label || address}` }] : this.inner(label || address) },
      end + 1,
    );
  }

  /** Where the bracket is closed, on the same line and not too far; -1 where it is not. */
  private closing(from: number, open: string, close: string, limit: number): number {
    let depth = 1;
    for (let at = from; at < this.text.length && at < from + limit && this.text[at] !== '\n'; at++) {
      if (this.text[at] === '\\') {
        at++;
      } else if (this.text[at] === open) {
        depth++;
      } else if (this.text[at] === close && --depth === 0) {
        return at;
      }
    }
    return -1;
  }

  private address(): boolean {
    if (letter.test(this.text[this.at - 1] ?? '')) {
      return false;
    }
    let found = this.match(webAddress)?.replace(/[.,;:!?*_~]+$/, '');
    while (found?.endsWith(')') && !found.includes('(')) {
      found = found.slice(0, -1).replace(/[.,;:!?*_~]+$/, '');
    }
    const href = found ? safeAddress(found) : null;
    return href !== null && this.add({ kind: 'link', href, parts: [{ kind: 'text', text: found! }] }, this.at + found!.length);
  }
}
